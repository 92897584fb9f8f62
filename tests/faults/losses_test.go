package faults

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"umosix/tests/harness"
)

// bestKind is nodes that have cables, where there can be such nodes.
func bestKind() harness.Kind {
	if len(harness.Users()) > 1 {
		return harness.Namespaced
	}
	return harness.Loopback
}

// clusters runs a test for every user.
func clusters(t *testing.T, kind harness.Kind, nodes int, play func(*testing.T, *harness.Nodes)) {
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			play(t, harness.Start(t, harness.Cluster{Nodes: nodes, Kind: kind, User: user}))
		})
	}
}

// away starts a job and moves it to the node away.
func sendAway(t *testing.T, n *harness.Node, args ...string) *harness.Job {
	t.Helper()
	line := append([]string{"mosrun", "-q", "--grace", grace.String(), "--"}, args...)
	j, err := n.Start(harness.Command{Args: line, Limit: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	to := away
	if n.ID == away {
		to = home
	}
	begun(t, n, j, args[0])
	if err := n.Migrate(j.Pid, strconv.Itoa(to)); err != nil {
		t.Fatal(err)
	}
	expectAt(t, n, j, strconv.Itoa(to))
	return j
}

// signalExecutors sends a signal to every executor of a node.
func signalExecutors(n *harness.Node, sig syscall.Signal) func() error {
	return func() (err error) {
		for _, pid := range n.Pids(harness.Executor) {
			err = syscall.Kill(pid, sig)
		}
		return err
	}
}

// A process that is lost with its node ends with 137 and one line that says so, in
// time, whatever it was that has failed.
func TestLosses(t *testing.T) {
	clusters(t, bestKind(), 2, func(t *testing.T, c *harness.Nodes) {
		far := c.Node(away)
		for _, loss := range []struct {
			name         string
			within       time.Duration
			strike, mend func() error
			cable        bool
		}{
			{"executor killed", deathLimit, signalExecutors(far, syscall.SIGKILL), nil, false},
			{"executor stopped", grace + deathLimit, signalExecutors(far, syscall.SIGSTOP), signalExecutors(far, syscall.SIGCONT), false},
			{"cable pulled", grace + deathLimit, far.Cut, far.Heal, true},
		} {
			for _, program := range []string{"sleep 25", "awk BEGIN{while(1);}", "tail -f /dev/null"} {
				if loss.cable && len(harness.Users()) == 1 {
					continue // loopback nodes have none
				}
				r := &round{nodes: c}
				j := sendAway(t, c.Node(home), strings.Fields(program)...)
				struck := time.Now()
				if err := loss.strike(); err != nil {
					t.Fatal(err)
				}
				got := j.Wait()
				late := time.Since(struck)
				if loss.mend != nil {
					if err := loss.mend(); err != nil {
						t.Error(err)
					}
				}
				line := regexp.MustCompile(fmt.Sprintf(`^mosrun: process %d was lost with node 2: [^\n]+\n$`, j.Pid))
				if !lost(got) || late > loss.within || !line.Match(got.Stderr) {
					t.Errorf("%s while in %q, %v later: %v", loss.name, program, late, got)
				}
				if err := r.clean(); err != nil {
					t.Errorf("%s while in %q: %v", loss.name, program, err)
				}
			}
		}
	})
}

// A daemon that was killed finds its jobs again, and moves them.
func TestMosdComesBack(t *testing.T) {
	clusters(t, bestKind(), 2, func(t *testing.T, c *harness.Nodes) {
		n := c.Node(home)
		gone, stays := sendAway(t, n, "sleep", "25"), sendAway(t, n, "sleep", "25")
		if err := n.Migrate(stays.Pid, "home"); err != nil {
			t.Fatal(err)
		}
		for _, victim := range []int{home, away} {
			if err := kill(victim, harness.Mosd)(&round{nodes: c}); err != nil {
				t.Fatal(err)
			}
			if err := c.Node(victim).StartMosd(); err != nil {
				t.Fatal(err)
			}
			err := harness.Poll(startLimit, func() error {
				guests, err := c.Node(away).Guests()
				if err == nil && len(guests) != 1 {
					err = fmt.Errorf("guests: %+v", guests)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			expectAt(t, n, gone, "2")
			expectAt(t, n, stays, "home")
		}
		if err := c.WaitConnected(startLimit); err != nil {
			t.Fatal(err)
		}
		for j, to := range map[*harness.Job]string{gone: "home", stays: "2"} {
			if err := n.Migrate(j.Pid, to); err != nil {
				t.Error(err)
			}
			expectAt(t, n, j, to)
		}
		endJobs(t, n, gone, stays)
	})
}

// begun waits until mosrun has become the program.
func begun(t *testing.T, n *harness.Node, j *harness.Job, program string) {
	t.Helper()
	err := harness.Poll(startLimit, func() error {
		list, err := n.Ps()
		for _, p := range list {
			if p.Pid == j.Pid && strings.HasPrefix(p.Command, program) {
				return nil
			}
		}
		return fmt.Errorf("%s is not listed (%v)", program, err)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// startLimit bounds what a new daemon takes to find everything.
const startLimit = 10 * time.Second

func expectAt(t *testing.T, n *harness.Node, j *harness.Job, place string) {
	t.Helper()
	err := harness.Poll(startLimit, func() error {
		at, err := n.Where(j.Pid)
		if err == nil && at != place {
			err = fmt.Errorf("process %d is at %s instead of %s", j.Pid, at, place)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func endJobs(t *testing.T, n *harness.Node, all ...*harness.Job) {
	t.Helper()
	for _, j := range all {
		n.Run("kill", "-TERM", strconv.Itoa(j.Pid))
		if r := j.Wait(); r.Signal != syscall.SIGTERM {
			t.Errorf("after SIGTERM: %v", r)
		}
	}
}

// A daemon that is told to stop sends guests away, brings its own processes home
// and ends with 0; the programs notice nothing, not even one that is stopped. (The
// way into a namespaced node has a process that stops along with the program.)
func TestMosdStops(t *testing.T) {
	clusters(t, harness.Loopback, 2, func(t *testing.T, c *harness.Nodes) {
		near, far := c.Node(home), c.Node(away)
		own, held, guest := sendAway(t, near, "sleep", "25"), sendAway(t, near, "sleep", "25"), sendAway(t, far, "sleep", "25")
		if r := near.Run("kill", "-STOP", strconv.Itoa(held.Pid)); !r.OK() {
			t.Fatal(r)
		}
		struck := time.Now()
		near.StopMosd() // fails the test unless it ends with 0 and in time
		t.Logf("it took %v", time.Since(struck))
		expectAt(t, far, guest, "home")
		if r := near.Run("kill", "-CONT", strconv.Itoa(held.Pid)); !r.OK() {
			t.Error(r)
		}
		endJobs(t, near, own, held)
		endJobs(t, far, guest)
		if err := (&round{nodes: c}).halves(); err != nil {
			t.Error(err)
		}
	})
}

// Whenever a program ends by itself or is killed, its status is its own, and
// whatever else was under way ends with it.
func TestEndInMove(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 30
	}
	clusters(t, bestKind(), 3, func(t *testing.T, c *harness.Nodes) {
		n := c.Node(home)
		for i := range rounds {
			exits, killed := endInMove(t, n, i, "exit 7"), endInMove(t, n, i, "while(1);")
			begun(t, n, killed, "awk")
			if r := n.Run("kill", "-USR1", strconv.Itoa(killed.Pid)); !r.OK() {
				t.Error(r)
			}
			if r := exits.Wait(); r.Exit != 7 {
				t.Fatalf("round %d: %v", i, r)
			}
			if r := killed.Wait(); r.Signal != syscall.SIGUSR1 {
				t.Fatalf("round %d: %v", i, r)
			}
		}
		if err := (&round{nodes: c}).clean(); err != nil {
			t.Error(err)
		}
	})
}

// endInMove starts a program that computes for some milliseconds and then ends as
// told, and moves it to and fro until it has.
func endInMove(t *testing.T, n *harness.Node, i int, end string) *harness.Job {
	t.Helper()
	program := fmt.Sprintf("BEGIN { for (i = 0; i < %d; i++) x += i; %s }", 300_000+i*10_007, end)
	j, err := n.Mosrun("-q", "--", "awk", program)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, to := range strings.Fields("2 home 3 2 home") {
			if j.Ended() {
				return
			}
			_ = n.Migrate(j.Pid, to) // may fail: the program may have ended
		}
	}()
	return j
}
