package equivalence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"umosix/tests/harness"
)

// wakeLimit is how far from its time a wait may end while its process is moved, on a
// machine that has its processors.
const wakeLimit = 20 * time.Millisecond

// stolen is the time that the processors of this machine were somebody else's, all
// together, since the boot (man proc_stat, steal; in ticks of 10 ms).
func stolen(t *testing.T) time.Duration {
	text, err := os.ReadFile("/proc/stat")
	fields := strings.Fields(strings.SplitN(string(text), "\n", 2)[0])
	const steal, tick = 8, 10 * time.Millisecond
	if err != nil || len(fields) <= steal {
		t.Fatalf("/proc/stat: %v %q", err, fields)
	}
	ticks, err := strconv.Atoi(fields[steal])
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(ticks) * tick
}

// TestWaitsEndOnTime moves a process every 20 ms while it waits.
func TestWaitsEndOnTime(t *testing.T) {
	program := compileData(t, "exact")
	ms, times := "400", "5"
	if !testing.Short() {
		times = "21"
	}
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			c := harness.Start(t, harness.Cluster{Nodes: 3, User: user})
			for _, way := range []string{"epoll_wait", "semtimedop", "recv", "sigtimedwait", "poll", "nanosleep"} {
				t.Run(way, func(t *testing.T) {
					before := stolen(t)
					file := filepath.Join(c.Node(1).Home(), "report")
					r := c.Node(1).Run("mosrun", "-q", "--report=json", "--report-file", file,
						"--shake", "20ms", "--seed", fmt.Sprint(harness.Seed()), "--", program, way, ms, times)
					said, err := readReport(file)
					if !r.OK() || err != nil || said.Moves == 0 {
						t.Fatal(r, err)
					}
					move := time.Duration(said.Freeze*float64(time.Second)) / time.Duration(said.Moves)
					// Most end within two moves: when their time is over in the course of one, the
					// next may begin before the process runs again.
					late := lateness(t, string(r.Stdout))
					if len(late) == 0 || late[0] < -time.Millisecond || late[len(late)/2] > 5*time.Millisecond+2*move || late[len(late)-1] > wakeLimit+stolen(t)-before {
						t.Errorf("seed %d: waits end at the wrong time", harness.Seed())
					}
					t.Logf("late by %v; %d moves of %v", late, said.Moves, move)
				})
			}
		})
	}
}

// lateness is by how much waits were late, the least first, from lines that tell it in
// microseconds.
func lateness(t *testing.T, lines string) (late []time.Duration) {
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		us, err := strconv.Atoi(line)
		if err != nil {
			t.Fatalf("a wait has not ended by its time: %s", line)
		}
		late = append(late, time.Duration(us)*time.Microsecond)
	}
	slices.Sort(late)
	return late
}

// Bounds of what many moves may cost a process of the product, over what it had
// after the first ones.
const (
	moreDescriptors = 3
	moreMemory      = 16 << 20
)

// TestManyMovesInARow moves one process 10,000 times (200 with -short): its memory
// stays right, and nobody's descriptors or memory grow.
func TestManyMovesInARow(t *testing.T) {
	moves := 10000
	if testing.Short() {
		moves = 200
	}
	if _, err := compiled(); err != nil {
		t.Fatal(err)
	}
	c := harness.Start(t, harness.Cluster{Nodes: 3, User: harness.Ordinary})
	n := c.Node(1)
	const endless = "86400000"
	j, err := n.Start(harness.Command{
		Args: []string{"mosrun", "-q", "--", filepath.Join(programDir(), "heap"), endless}, Limit: 5 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { // for a test that fails half way; otherwise it has ended
		n.Run("kill", "-KILL", strconv.Itoa(j.Pid))
		j.Wait()
	}()
	places := []string{"2", "3", "home"}
	move := func(i int) {
		if err := n.Migrate(j.Pid, places[i%len(places)]); err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
	}
	if err := harness.Poll(10*time.Second, func() error { _, err := n.Where(j.Pid); return err }); err != nil {
		t.Fatal(err)
	}
	const warm = 50
	for i := range warm {
		move(i)
	}
	before := usage(t, c)
	begun := time.Now()
	for i := warm; i < moves; i++ {
		move(i)
	}
	took := time.Since(begun)
	after := usage(t, c)
	compared := 0
	for name, a := range after {
		b, ok := before[name]
		if !ok {
			t.Logf("%s was not there after %d moves", name, warm)
			continue
		}
		compared++
		t.Logf("%s: %d descriptors, %d kB after %d moves; %d, %d kB after %d", name, b.Descriptors, b.Resident>>10, warm, a.Descriptors, a.Resident>>10, moves)
		if a.Descriptors > b.Descriptors+moreDescriptors || a.Resident > b.Resident+moreMemory {
			t.Errorf("%s has grown", name)
		}
	}
	if compared < c.Len()+2 { // every mosd, the deputy and an executor
		t.Errorf("only %d processes were there both times: %v, %v", compared, before, after)
	}
	t.Logf("%d moves, %v each", moves, took/time.Duration(moves-warm))
	if err := n.Migrate(j.Pid, "home"); err != nil {
		t.Fatal(err)
	}
	if r := n.Run("kill", "-TERM", strconv.Itoa(j.Pid)); !r.OK() {
		t.Error(r)
	}
	if r := j.Wait(); r.Signal != 15 {
		t.Errorf("the moved program found a wrong byte, or more: %v", r)
	}
}

// usage adds up what the halves on each node hold.
func usage(t *testing.T, c *harness.Nodes) map[string]harness.Usage {
	t.Helper()
	found := map[string]harness.Usage{}
	for i := 1; i <= c.Len(); i++ {
		for _, half := range []harness.Half{harness.Mosd, harness.Deputy, harness.Executor} {
			for _, pid := range c.Node(i).Pids(half) {
				u, err := harness.UsageOf(pid)
				if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
					continue // an executor without guests ends when it likes
				}
				if err != nil {
					t.Fatal(err)
				}
				found[fmt.Sprintf("%s of node %d", half, i)] = u
			}
		}
	}
	return found
}
