// Package harness owns the test nodes: it turns one value, a Cluster, into N
// running daemons on one machine, runs commands on them, cuts and heals the links
// between them, and proves that nothing is left when the test ends.
//
// A test package that uses it has one line in its TestMain:
//
//	func TestMain(m *testing.M) { harness.Main(m) }
//
// Every process of a test is started through this package: it is the reaper of
// what daemons leave to their parent's parent (see reaper.go).
package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Kind is how nodes are told apart on one machine.
type Kind int

// The kinds of nodes.
const (
	// Loopback nodes are daemons of the machine itself on loopback addresses.
	Loopback Kind = iota
	// Namespaced nodes have their own net, pid, mount, uts and ipc namespaces, a
	// host name, a private /tmp, /run and /dev/shm, and are joined by a bridge. They
	// need root.
	Namespaced
)

// String names the kind for test names.
func (k Kind) String() string {
	if k == Namespaced {
		return "namespaced"
	}
	return "loopback"
}

// Cluster says which nodes a test wants. The zero value is two loopback nodes
// whose daemons run as root.
type Cluster struct {
	Nodes int  // how many, numbered from 1; 0 means 2
	Kind  Kind // how they are told apart
	User  User // who runs the daemons, and the commands unless Node.As says otherwise

	Conf string // more lines for every node's mosix.conf
	Bare bool   // nodes without daemons and configuration

	// Share are directories that namespaced nodes see beside their own; they must
	// be there at the start. Loopback nodes see everything.
	Share []string

	// Clocks are how far the nodes' wall clocks are ahead, by node; a missing entry is
	// the machine's own.
	Clocks []time.Duration

	// WeakCages are the nodes whose guests are walled in without namespaces.
	WeakCages []int

	// For namespaced nodes only, by node (a missing or zero entry is no limit):
	Speed []int // percent of one CPU
	CPUs  []int // the CPU to run on, counted from 1
	Links []Link
}

// Link is the network card of a node.
type Link struct {
	Rate  string        // as tc writes it, "100mbit"; empty is unlimited
	Delay time.Duration // of everything that leaves the node
}

// startLimit bounds each step of a start: slow machines need a part of it.
const startLimit = 30 * time.Second

// oneCluster lets the tests of one process have one cluster at a time, so that
// every orphan found at its end is its own.
var oneCluster sync.Mutex

// Nodes is a running cluster.
type Nodes struct {
	t     testing.TB
	value Cluster
	dir   string // holds everything of the cluster, removed at the end
	nodes []*Node
	hub   *hub // nil for loopback nodes
	port  int
	net   string // loopback: the first three parts of the nodes' addresses
}

// Start gives a running cluster, whose daemons all see each other, and registers
// its end with t. It skips the test, with the reason, where this machine or user
// cannot have such a cluster, and fails it with the logs of the nodes when they do
// not come up.
func Start(t testing.TB, value Cluster) *Nodes {
	t.Helper()
	if value.Nodes == 0 {
		value.Nodes = 2
	}
	if reason := value.impossible(); reason != "" {
		t.Skip(reason)
	}
	oneCluster.Lock()
	c := &Nodes{t: t, value: value}
	before := survey()
	t.Cleanup(func() {
		defer oneCluster.Unlock()
		for _, n := range c.nodes {
			n.StopMosd()
		}
		c.dropSpaces()
		before.check(t)
		c.remove()
	})
	if err := c.start(); err != nil {
		t.Fatalf("start %d %s nodes: %v", value.Nodes, value.Kind, err)
	}
	return c
}

// Node is node number i, counted from 1 as in mosix.map.
func (c *Nodes) Node(i int) *Node { return c.nodes[i-1] }

// Len is the number of nodes.
func (c *Nodes) Len() int { return len(c.nodes) }

func (c *Nodes) start() error {
	if err := c.findBinaries(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(base, "cluster-")
	if err != nil {
		return err
	}
	c.dir = dir
	if err := os.Chmod(dir, 0o711); err != nil {
		return err
	}
	if err := c.place(); err != nil {
		return err
	}
	for i := 1; i <= c.value.Nodes; i++ {
		n := &Node{c: c, ID: i, user: c.value.User, daemon: new(daemon)}
		c.nodes = append(c.nodes, n)
		if err := n.makeDirs(); err != nil {
			return err
		}
	}
	if c.value.Kind == Namespaced {
		if err := c.makeSpaces(); err != nil {
			return err
		}
	}
	if c.value.Bare {
		return nil
	}
	if err := c.configure(); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if err := n.StartMosd(); err != nil {
			return err
		}
	}
	return c.WaitConnected(startLimit)
}

// findBinaries builds the binary under test, or makes an empty place for it.
func (c *Nodes) findBinaries() (err error) {
	if c.value.Bare {
		binDir = filepath.Join(base, "no-bin")
		return os.MkdirAll(binDir, 0o755)
	}
	binDir, err = binaries()
	return err
}

// place chooses the nodes' addresses and port.
func (c *Nodes) place() (err error) {
	if c.value.Kind == Namespaced {
		c.net, c.port = "10.77.0", 4660
		return nil
	}
	c.net, c.port, err = freeLoopback(c.value.Nodes)
	return err
}

// configure writes the map and mosix.conf of every node and gives all of them the
// secret that node 1 makes.
func (c *Nodes) configure() error {
	var lines strings.Builder
	for _, n := range c.nodes {
		fmt.Fprintf(&lines, "%d %s:%d 1\n", n.ID, n.Address(), c.port)
	}
	conf := fmt.Sprintf("balance no\nroot-ok 1-%d\n%s", len(c.nodes), c.value.Conf)
	for _, n := range c.nodes {
		if err := n.WriteConfig("mosix.map", lines.String(), 0o644); err != nil {
			return err
		}
		if err := n.WriteConfig("mosix.conf", conf, 0o644); err != nil {
			return err
		}
	}
	if r := c.nodes[0].Do(Command{Args: []string{"mosctl", "keygen"}, Limit: startLimit}); !r.OK() {
		return fmt.Errorf("make the secret: %v", r)
	}
	secret, err := os.ReadFile(filepath.Join(c.nodes[0].configDir(), "secret"))
	if err != nil {
		return err
	}
	for _, n := range c.nodes[1:] {
		if err := n.WriteConfig("secret", string(secret), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// WaitConnected waits until every running daemon sees every other one as up.
func (c *Nodes) WaitConnected(limit time.Duration) error {
	return Poll(limit, func() error {
		for _, n := range c.nodes {
			if !n.daemon.running() {
				continue
			}
			if err := n.seesAll(); err != nil {
				return err
			}
		}
		return nil
	})
}

// remove prints the logs of a failed test and removes the cluster's files.
func (c *Nodes) remove() {
	if c.t.Failed() && !c.value.Bare {
		c.showLogs()
	}
	if c.dir != "" {
		if err := os.RemoveAll(c.dir); err != nil {
			c.t.Errorf("remove the cluster's directory: %v", err)
		}
	}
}

// showLogs prints what is not routine in the nodes' logs, so that it does not hide the
// test's own words, and keeps the whole logs in -logs.
func (c *Nodes) showLogs() {
	for _, n := range c.nodes {
		for half, path := range n.logs() {
			if !exists(path) {
				continue
			}
			if text := warnings(path); text != "" {
				c.t.Logf("log of node %d, %s (its end):\n%s", n.ID, half, text)
			}
			if *logsFlag != "" {
				c.keepLog(path, fmt.Sprintf("%s-%d-%s.log", strings.ReplaceAll(c.t.Name(), "/", "-"), n.ID, half))
			}
		}
	}
}

func (c *Nodes) keepLog(path, name string) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(filepath.Join(*logsFlag, name), data, 0o644)
	}
	if err != nil {
		c.t.Logf("keep the log: %v", err)
	}
}

// Poll calls f every few milliseconds until it returns nil or the limit is over,
// and then returns its last error.
func Poll(limit time.Duration, f func() error) error {
	end := time.Now().Add(limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := f()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %v: %w", limit, err)
		}
		time.Sleep(pause)
	}
}
