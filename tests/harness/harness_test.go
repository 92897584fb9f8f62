package harness

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// eachBare runs f on bare nodes of every kind, by every user.
func eachBare(t *testing.T, value Cluster, f func(*testing.T, *Nodes)) {
	value.Bare = true
	for _, kind := range []Kind{Loopback, Namespaced} {
		for _, user := range Users() {
			value.Kind, value.User = kind, user
			t.Run(fmt.Sprintf("%v/%v", kind, user), func(t *testing.T) { f(t, Start(t, value)) })
		}
	}
}

func TestCommandsRunAsTheirUser(t *testing.T) {
	eachBare(t, Cluster{Nodes: 2}, func(t *testing.T, c *Nodes) {
		for _, user := range Users() {
			n := c.Node(2).As(user)
			r := n.Run("sh", "-c", "id -u; id -G; pwd; echo $HOME; exit 3")
			want := fmt.Sprintf("%d\n%d\n%s\n%s\n", user.Uid(), user.Uid(), n.Home(), n.Home())
			if r.Exit != 3 || string(r.Stdout) != want {
				t.Errorf("as %v: got %v, want status 3 and %q", user, r, want)
			}
		}
	})
}

func TestNamespacedNodesAreApart(t *testing.T) {
	c := Start(t, Cluster{Nodes: 3, Kind: Namespaced, Bare: true})
	for i := 1; i <= 3; i++ {
		n := c.Node(i)
		r := n.Run("sh", "-c", "hostname; touch /tmp/private /run/private /dev/shm/private; ls -A /tmp; ps -e | wc -l; getent hosts node1")
		lines := strings.Fields(string(r.Stdout))
		if !r.OK() || lines[0] != "node"+strconv.Itoa(i) || lines[len(lines)-2] != "10.77.0.1" {
			t.Errorf("node %d: %v", i, r)
		}
		if !bytes.Contains(r.Stdout, []byte("private")) || exists("/tmp/private") {
			t.Errorf("node %d: its /tmp is not its own", i)
		}
	}
}

func TestLinkIsCutAndHealed(t *testing.T) {
	c := Start(t, Cluster{Nodes: 2, Kind: Namespaced, Bare: true})
	ping := func() bool { return c.Node(1).Run("perl", "-e", pingScript, c.Node(2).Address()).OK() }
	if !ping() {
		t.Fatal("nodes are not joined")
	}
	if err := c.Node(2).Cut(); err != nil {
		t.Fatal(err)
	}
	if ping() {
		t.Error("the link is cut and yet carries packets")
	}
	if err := c.Node(2).Heal(); err != nil {
		t.Fatal(err)
	}
	if err := Poll(5*time.Second, func() error {
		if !ping() {
			return fmt.Errorf("no answer")
		}
		return nil
	}); err != nil {
		t.Errorf("the link is healed: %v", err)
	}
}

// pingScript tells by its status whether a host refuses a connection within 0.3 s.
const pingScript = `use Socket; use Errno; socket(S,PF_INET,SOCK_STREAM,0); $SIG{ALRM}=sub{exit 1};
use Time::HiRes qw(ualarm); ualarm(300000);
connect(S,sockaddr_in(9,inet_aton($ARGV[0]))); exit($!{ECONNREFUSED}?0:1)`

func TestResultTellsStatusAndSignal(t *testing.T) {
	n := Start(t, Cluster{Nodes: 1, Bare: true}).Node(1)
	if r := n.Run("sh", "-c", "kill -SEGV $$"); r.Signal != syscall.SIGSEGV || r.Exit != -1 {
		t.Errorf("got %v", r)
	}
	if r := n.Do(Command{Args: []string{"sleep", "60"}, Limit: 50 * time.Millisecond}); r.Err == nil || r.Time > 5*time.Second {
		t.Errorf("a command over its limit: got %v after %v", r, r.Time)
	}
}

func TestLeftoversAreFound(t *testing.T) {
	n := Start(t, Cluster{Nodes: 1, Bare: true}).Node(1)
	// A daemon in the old way: own session, no parent, no environment, other name.
	r := n.Run("sh", "-c", "setsid env -i perl -e '$0=q(nobody); sleep 60' </dev/null >/dev/null 2>&1 &")
	if !r.OK() {
		t.Fatal(r)
	}
	if err := Poll(5*time.Second, func() error {
		if len(orphans()) != 1 {
			return fmt.Errorf("%d orphans found, want 1", len(orphans()))
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	for _, p := range orphans() {
		killTree(p.pid)
	}
}

func TestPidIsTheNodes(t *testing.T) {
	eachBare(t, Cluster{Nodes: 1}, func(t *testing.T, c *Nodes) {
		dir, err := c.Node(1).WorkDir()
		if err != nil {
			t.Fatal(err)
		}
		j, err := c.Node(1).Start(Command{Args: []string{"sh", "-c", "echo $$ >pid.new; mv pid.new pid; exec sleep 30"}, Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		var text []byte
		if err := Poll(5*time.Second, func() (err error) {
			text, err = os.ReadFile(filepath.Join(dir, "pid"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got := strconv.Itoa(j.Pid) + "\n"; got != string(text) {
			t.Errorf("pid is %q, the process says %q", got, text)
		}
		killTree(j.outer())
		j.Wait()
	})
}

// TestClusterComesUp starts real daemons in every kind, for every user, and leaves
// nothing behind.
func TestClusterComesUp(t *testing.T) {
	for _, kind := range []Kind{Loopback, Namespaced} {
		for _, user := range Users() {
			t.Run(fmt.Sprintf("%v/%v", kind, user), func(t *testing.T) {
				if _, err := binaries(); err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				c := Start(t, Cluster{Nodes: 3, Kind: kind, User: user})
				t.Logf("%d nodes are ready after %v", c.Len(), time.Since(begun))
				j, err := c.Node(1).Mosrun("sleep", "0.3")
				if err != nil {
					t.Fatal(err)
				}
				if err := Poll(2*time.Second, func() error {
					where, err := c.Node(1).Where(j.Pid)
					if err == nil && where != "home" {
						err = fmt.Errorf("the job is at %q", where)
					}
					return err
				}); err != nil {
					t.Error(err)
				}
				if r := j.Wait(); !r.OK() {
					t.Error(r)
				}
			})
		}
	}
}

// TestMosdIsKilledAndStartsAgain loses no state that matters.
func TestMosdIsKilledAndStartsAgain(t *testing.T) {
	c := Start(t, Cluster{User: Users()[0]})
	n := c.Node(2)
	if err := n.Kill(Mosd, n.Pids(Mosd)[0]); err != nil {
		t.Fatal(err)
	}
	if err := Poll(5*time.Second, func() error {
		if n.daemon.running() {
			return fmt.Errorf("still running")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := n.StartMosd(); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitConnected(startLimit); err != nil {
		t.Error(err)
	}
}
