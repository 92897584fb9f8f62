package equivalence

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"umosix/tests/harness"
)

// TestMoveAfterStop stops a program at home in a wait and lets it go on, so that its own
// kernel goes on with the wait by restart_syscall, and then moves it: the wait ends when
// it should and as it should.
func TestMoveAfterStop(t *testing.T) {
	program := compileData(t, "interrupted")
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		for _, way := range []string{"nanosleep", "poll"} {
			t.Run(way, func(t *testing.T) { moveAfterStop(t, c.Node(1), program, way) })
		}
	})
}

func moveAfterStop(t *testing.T, n *harness.Node, program, way string) {
	j, err := n.Mosrun("-q", "--", program, way)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Wait()
	for _, step := range []struct{ send, file, shows string }{
		{"", "comm", "interrupted"},
		{"", "wchan", "nanosleep|poll"},
		{"STOP", "stat", ") T "},
		{"CONT", "syscall", "219 "},
	} {
		if step.send != "" {
			if r := n.Run("kill", "-"+step.send, fmt.Sprint(j.Pid)); !r.OK() {
				t.Fatal(r)
			}
		}
		if err := shows(j.Pid, step.file, strings.Split(step.shows, "|")...); err != nil {
			t.Fatal(err)
		}
	}
	for _, to := range []string{"2", "3", "home"} {
		if err := n.Migrate(j.Pid, to); err != nil {
			t.Errorf("to %s: %v", to, err)
		}
	}
	if r := j.Wait(); string(r.Stdout) != "0 0 in time\n" {
		t.Error(r)
	}
}

// shows waits until a file of a process in /proc holds one of some words.
func shows(pid int, file string, words ...string) error {
	return harness.Poll(time.Second, func() error {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		for _, word := range words {
			if strings.Contains(string(text), word) {
				return nil
			}
		}
		return fmt.Errorf("%s of %d is %q (%v), want %q", file, pid, text, err, words)
	})
}
