package equivalence

import (
	"fmt"
	"os"
	"path/filepath"
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

// TestSignalAfterMove moves a program that waits in a call with a mask of its own, and
// then sends it a signal that only this call lets in.
func TestSignalAfterMove(t *testing.T) {
	program := compileData(t, "unmasked")
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		for _, way := range []string{"ppoll", "pselect", "epoll"} {
			for _, to := range [][]string{{"2"}, {"2", "3"}, {"2", "home"}, {"2", "home", "3"}} {
				t.Run(way+" "+strings.Join(to, " "), func(t *testing.T) { signalAfterMove(t, c.Node(1), program, way, to) })
			}
		}
	})
}

func signalAfterMove(t *testing.T, n *harness.Node, program, way string, to []string) {
	j, err := n.Mosrun("-q", "--", program, way)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Wait()
	if err := shows(j.Pid, "comm", "unmasked"); err != nil {
		t.Fatal(err)
	}
	if err := shows(j.Pid, "wchan", "poll"); err != nil {
		t.Fatal(err)
	}
	for _, to := range to {
		if err := n.Migrate(j.Pid, to); err != nil {
			t.Errorf("to %s: %v", to, err)
		}
	}
	if r := n.Run("kill", "-USR1", fmt.Sprint(j.Pid)); !r.OK() {
		t.Fatal(r)
	}
	if r := j.Wait(); string(r.Stdout) != "-1 EINTR, taken 1, in time\n" {
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

// TestStopAway stops a program that computes away, again and again, and lets it go on.
func TestStopAway(t *testing.T) {
	const program = `BEGIN { while (i++ < 3000000); print i }`
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		n := c.Node(1)
		j, err := n.Mosrun("-q", "-2", "--", "awk", program)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Wait()
		err = harness.Poll(10*time.Second, func() error { return isAt(n, j.Pid, "2") })
		for range 3 {
			if err == nil {
				n.Run("kill", "-STOP", fmt.Sprint(j.Pid))
				err = shows(j.Pid, "stat", ") T ", ") t ") // the second one of a traced process
			}
			n.Run("kill", "-CONT", fmt.Sprint(j.Pid))
		}
		if r := j.Wait(); err != nil || string(r.Stdout) != "3000001\n" {
			t.Errorf("%v; %v", err, r)
		}
	})
}

// TestStoppedStaysHome stops a program whose two threads are, at home again, still in calls
// that they made away. It does not move while it is stopped, and does afterwards.
func TestStoppedStaysHome(t *testing.T) {
	program := compileData(t, "sleepers", "-pthread")
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		n := c.Node(1)
		j, err := n.Mosrun("-q", "-2", "--", program)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Wait()
		if err := harness.Poll(10*time.Second, func() error { return isAt(n, j.Pid, "2") }); err != nil {
			t.Fatal(err)
		}
		if err := awaitAsleep(j.Pid, 2); err != nil {
			t.Fatal(err)
		}
		if err := n.Migrate(j.Pid, "home"); err != nil {
			t.Error(err)
		}
		for range 3 {
			n.Run("kill", "-STOP", fmt.Sprint(j.Pid))
			if err := shows(j.Pid, "stat", ") T ", ") t "); err != nil {
				t.Error(err)
			}
			if err := n.Migrate(j.Pid, "2"); err == nil || !strings.Contains(err.Error(), "it is stopped") {
				t.Errorf("moved while it is stopped: %v", err)
			}
			n.Run("kill", "-CONT", fmt.Sprint(j.Pid))
			for _, to := range []string{"3", "home"} {
				if err := n.Migrate(j.Pid, to); err != nil {
					t.Errorf("to %s: %v", to, err)
				}
			}
		}
		n.Run("kill", "-USR1", fmt.Sprint(j.Pid))
		if r := j.Wait(); string(r.Stdout) != "-1 Interrupted system call\n" {
			t.Error(r)
		}
	})
}

// awaitAsleep waits until so many tasks of a process sleep on a clock.
func awaitAsleep(pid, tasks int) error {
	return harness.Poll(10*time.Second, func() error {
		asleep := 0
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", pid))
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), "nanosleep") {
				asleep++
			}
		}
		if asleep < tasks {
			return fmt.Errorf("%d of %d tasks sleep (%v)", asleep, tasks, err)
		}
		return nil
	})
}

// TestStoppedMoves moves a program that computes away and is stopped there, onward and home,
// and has it brought home by a node that leaves: it stays stopped until it is continued.
func TestStoppedMoves(t *testing.T) {
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		for _, way := range [][]string{{"3", "2", "home"}, {"home"}, {"leaves"}} {
			t.Run(strings.Join(way, " "), func(t *testing.T) { stoppedMoves(t, c, way) })
		}
	})
}

func stoppedMoves(t *testing.T, c *harness.Nodes, way []string) {
	n := c.Node(1)
	j, err := n.Mosrun("-q", "-2", "--", "awk", `BEGIN { while (i++ < 10000000); print i }`)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Wait()
	err = harness.Poll(10*time.Second, func() error { return isAt(n, j.Pid, "2") })
	n.Run("kill", "-STOP", fmt.Sprint(j.Pid))
	for _, to := range way {
		if to == "leaves" {
			c.Node(2).StopMosd()
			to = "home"
		} else if err == nil {
			err = n.Migrate(j.Pid, to)
		}
		if err == nil {
			err = isAt(n, j.Pid, to)
		}
		if err == nil {
			err = shows(j.Pid, "stat", ") T ", ") t ") // the second one of a traced process
		}
	}
	n.Run("kill", "-CONT", fmt.Sprint(j.Pid))
	if r := j.Wait(); err != nil || string(r.Stdout) != "10000001\n" {
		t.Errorf("%v; %v", err, r)
	}
}

// isAt says where a process is if that is not the place.
func isAt(n *harness.Node, pid int, place string) error {
	if at, err := n.Where(pid); err != nil || at != place {
		return fmt.Errorf("it is at %q (%v), not at %s", at, err, place)
	}
	return nil
}

// TestTimerSignals compares what a program sees of a timer whose signals it blocks: natively,
// away, and moved home and out while they are pending.
func TestTimerSignals(t *testing.T) {
	program := compileData(t, "overruns", "-lrt")
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		n := c.Node(1)
		want := n.Run(program)
		if !want.OK() {
			t.Fatal(want)
		}
		var jobs []*harness.Job
		seed := fmt.Sprintf("--seed=%d", harness.Seed())
		for _, way := range [][]string{{"-2"}, {"--shake=200ms", seed}, {"--shake=350ms", seed}} {
			j, err := n.Mosrun(append(append([]string{"-q"}, way...), "--", program)...)
			if err != nil {
				t.Fatal(err)
			}
			jobs = append(jobs, j)
		}
		for _, j := range jobs {
			if r := j.Wait(); !r.OK() || string(r.Stdout) != string(want.Stdout) {
				t.Errorf("seed %d, natively %q: %v", harness.Seed(), want.Stdout, r)
			}
		}
	})
}
