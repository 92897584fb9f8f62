package equivalence

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"umosix/tests/harness"
)

// counting prints a number after each, as fast as it can be read.
const counting = `$| = 1; for ($i = 0; ; $i++) { print "$i\n" }`

// TestFreeze freezes a program that is away: it comes home and stands still, is not to be
// moved, and goes on where it was, by itself if the daemon ends.
func TestFreeze(t *testing.T) {
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			n := harness.Start(t, harness.Cluster{Nodes: 2, User: user}).Node(1)
			c := startCounting(t, n)
			if err := harness.Poll(awayLimit, func() error { return n.Migrate(c.job.Pid, "2") }); err != nil {
				t.Fatal(err)
			}
			c.goesOn(t)
			c.tell(t, n, "freeze", true)
			c.standsStill(t, n)
			c.tell(t, n, "freeze", true) // once more: nothing to do
			c.tell(t, n, "2", false)
			c.tell(t, n, "continue", true)
			c.goesOn(t)
			c.tell(t, n, "2", true)
			c.goesOn(t)
			c.tell(t, n, "freeze", true)
			c.standsStill(t, n)
			n.StopMosd()
			c.goesOn(t)
		})
	}
}

// counted is a counting program and what it has said.
type counted struct {
	job   *harness.Job
	lines chan string
	next  int
}

func startCounting(t *testing.T, n *harness.Node) *counted {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	j, err := n.Start(harness.Command{Args: []string{"mosrun", "-q", "--", "perl", "-e", counting}, Stdout: to})
	to.Close()
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{job: j, lines: make(chan string)}
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(from); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		n.Run("kill", "-KILL", strconv.Itoa(j.Pid))
		for range c.lines {
		}
		j.Wait()
		from.Close()
	})
	return c
}

// tell has the process moved, frozen or let go on, which may be refused.
func (c *counted) tell(t *testing.T, n *harness.Node, what string, ok bool) {
	t.Helper()
	if err := n.Migrate(c.job.Pid, what); (err == nil) != ok {
		t.Fatalf("migrate %d %s: %v", c.job.Pid, what, err)
	}
}

// goesOn reads the next numbers, more than a pipe holds.
func (c *counted) goesOn(t *testing.T) {
	t.Helper()
	limit := time.After(awayLimit)
	for range 20000 {
		select {
		case line := <-c.lines:
			if line != strconv.Itoa(c.next) {
				t.Fatalf("it says %q after %d", line, c.next-1)
			}
			c.next++
		case <-limit:
			t.Fatalf("it does not go on after %d", c.next-1)
		}
	}
}

// standsStill reads what is in the pipe, and then for a while nothing more.
func (c *counted) standsStill(t *testing.T, n *harness.Node) {
	t.Helper()
	for range 1 << 16 {
		select {
		case line := <-c.lines:
			if line != strconv.Itoa(c.next) {
				t.Fatalf("it says %q after %d", line, c.next-1)
			}
			c.next++
		case <-time.After(200 * time.Millisecond):
			if where, state, err := c.listed(n); where != "home" || state != "T" {
				t.Errorf("frozen, it is listed at %s in state %s (%v)", where, state, err)
			}
			return
		}
	}
	t.Fatal("it does not stand still")
}

func (c *counted) listed(n *harness.Node) (where, state string, err error) {
	list, err := n.Ps()
	for _, p := range list {
		if p.Pid == c.job.Pid {
			return p.Place(), p.State, err
		}
	}
	return "", "", fmt.Errorf("process %d is not listed: %v", c.job.Pid, err)
}
