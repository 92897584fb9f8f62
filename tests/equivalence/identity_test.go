package equivalence

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"umosix/tests/harness"
)

// homely are programs that tell who and where they are.
var homely = [][]string{
	{"hostname"}, {"pwd"}, {"id"}, {"uname", "-a"}, {"cat", "/etc/hosts"}, {"ls", "/tmp"},
	{"ps", "-p", "1", "-o", "pid,args"},
	{"/usr/bin/python3", "-c", "import os\nprint(os.uname(), os.getcwd(), os.getuid())\n" +
		"s = open('/proc/self/status').read()\n" +
		"print([l for l in s.splitlines() if l.split(':')[0] in ('Name', 'PPid', 'TracerPid', 'Uid', 'Gid', 'Groups', 'NoNewPrivs')] and os.getpid() == int(os.readlink('/proc/self')))"},
}

// TestAwayShowsHome runs them away, between machines: they show home.
func TestAwayShowsHome(t *testing.T) {
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			c := harness.Start(t, harness.Cluster{Nodes: 2, Kind: harness.Namespaced, User: user})
			n := c.Node(1)
			for _, args := range homely {
				want, got := n.Run(args...), n.Run(append([]string{"mosrun", "-q", "-2", "--"}, args...)...)
				if got.Status() != want.Status() || string(got.Stdout) != string(want.Stdout) {
					t.Errorf("away: %v\nat home: %v", got, want)
				}
			}
		})
	}
}

// guestLimit is how long after its start a guest may be missing from the host's
// list: executors tell about once a second.
const guestLimit = 5 * time.Second

// TestHostShowsAGuest looks at a guest from its host: it is listed as a guest, and
// nothing there can be taken for a job of the host's own.
func TestHostShowsAGuest(t *testing.T) {
	c := harness.Start(t, harness.Cluster{Nodes: 2, Kind: harness.Namespaced, User: harness.Users()[0]})
	home, host := c.Node(1), c.Node(2)
	j, err := home.Mosrun("-q", "-2", "--", "perl", "-e", "1 while 1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		home.Run("kill", "-KILL", strconv.Itoa(j.Pid))
		j.Wait()
	}()
	err = harness.Poll(guestLimit, func() error {
		guests, err := host.Guests()
		if err != nil || len(guests) != 1 || guests[0].Pid != j.Pid {
			return fmt.Errorf("the host lists %+v (%v), want the one guest %d", guests, err, j.Pid)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if jobs, err := host.Ps(); err != nil || len(jobs) != 0 {
		t.Errorf("the host lists jobs of its own: %+v (%v)", jobs, err)
	}
	if r := home.Run("ps", "-p", strconv.Itoa(j.Pid), "-o", "args="); !strings.HasPrefix(string(r.Stdout), "perl -e") {
		t.Errorf("ps at home shows %v", r)
	}
	t.Logf("ps on the host:\n%s", host.Run("ps", "-e", "-o", "pid,user,args").Stdout)
}
