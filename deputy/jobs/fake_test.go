package jobs

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

// fakeCluster is node 1 of three nodes, of which 4 is down.
type fakeCluster struct {
	mu      sync.Mutex
	refusal error
	asked   []control.Admit
}

func (c *fakeCluster) Resolve(name string) (wire.NodeID, error) {
	n, err := strconv.Atoi(name)
	if err != nil || n < 1 || n > 4 {
		return 0, errors.New("no node " + name)
	}
	return wire.NodeID(n), nil
}

func (c *fakeCluster) Reachable() []wire.NodeID { return []wire.NodeID{2, 3} }

func (c *fakeCluster) MayGo(int, wire.NodeID) error { return nil }

func (c *fakeCluster) Admit(_ context.Context, to wire.NodeID, ask control.Admit) (Admission, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, ask)
	if to == 4 {
		return Admission{}, control.Refused("node 4 is down")
	}
	return Admission{Address: "node:" + to.String(), Ticket: "t" + to.String()}, c.refusal
}

func (c *fakeCluster) Return(context.Context, wire.NodeID, control.Return) (control.Migrated, error) {
	return control.Migrated{}, errors.New("not here")
}

func (c *fakeCluster) Issue(job string, uid int) (control.Credentials, error) {
	return control.Credentials{Cert: job}, nil
}

// fakeDeputy answers what a deputy is asked.
type fakeDeputy struct {
	t     *testing.T
	lines *control.Lines
	start control.Start
	reply func(d *fakeDeputy, ask control.ToDeputy)
	last  *control.State // said before it answers a Sync
	ended chan struct{}
}

func (d *fakeDeputy) run() {
	defer close(d.ended)
	defer d.lines.Close()
	if err := d.lines.Receive(&d.start); err != nil {
		return
	}
	for {
		var ask control.ToDeputy
		if err := d.lines.Receive(&ask); err != nil || ask.Stop != nil {
			return
		}
		if ask.Sync != nil {
			obey(d, ask)
			continue
		}
		d.reply(d, ask)
	}
}

func (d *fakeDeputy) send(m control.FromDeputy) { d.lines.Send(m) }

// obey does what it is told at once.
func obey(d *fakeDeputy, ask control.ToDeputy) {
	switch {
	case ask.Move != nil:
		d.send(control.FromDeputy{Done: &control.Done{ID: ask.Move.ID, Freeze: time.Millisecond, Bytes: 7}})
		d.send(control.FromDeputy{State: &control.State{Pid: ask.Move.Pid, Where: ask.Move.To, Moves: 1}})
	case ask.Attach != nil:
		d.send(control.FromDeputy{Done: &control.Done{ID: ask.Attach.ID}})
	case ask.Sync != nil:
		if d.last != nil {
			d.send(control.FromDeputy{State: d.last})
		}
		d.send(control.FromDeputy{Done: &control.Done{ID: ask.Sync.ID}})
	case ask.Freeze != nil:
		d.send(control.FromDeputy{Done: &control.Done{ID: ask.Freeze.ID, Failure: "it does not want to"}})
	}
}

// node is a registry with its fakes.
type node struct {
	*Registry
	t       *testing.T
	cluster *fakeCluster
	reply   func(d *fakeDeputy, ask control.ToDeputy)

	wrap func(net.Conn) net.Conn // around mosd's end of a channel; nil: nothing

	mu       sync.Mutex
	deputies []*fakeDeputy
}

// me is the caller in tests.
var me = control.Caller{Pid: os.Getpid(), Uid: os.Getuid(), Gid: os.Getgid()}

func newNode(t *testing.T, dir string) *node {
	t.Helper()
	n := &node{t: t, cluster: &fakeCluster{}, reply: obey}
	registry, err := Open(Config{
		Self: 1, Uid: os.Getuid(), Dir: dir, Socket: filepath.Join(dir, "mosd.sock"), Grace: 30 * time.Second,
		Attach: AttachLate, Cluster: n.cluster, Launch: n.launch, MoveTimeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	n.Registry = registry
	registry.Start()
	t.Cleanup(n.close)
	return n
}

func (n *node) launch(string, Owner) (control.Running, error) {
	ours, theirs, err := control.NewChannel()
	if err != nil {
		return control.Running{}, err
	}
	conn, err := net.FileConn(theirs)
	theirs.Close()
	if err != nil {
		return control.Running{}, err
	}
	d := &fakeDeputy{t: n.t, lines: control.NewLines(conn), reply: n.reply, ended: make(chan struct{})}
	n.mu.Lock()
	n.deputies = append(n.deputies, d)
	n.mu.Unlock()
	go d.run()
	if n.wrap != nil {
		ours = n.wrap(ours)
	}
	return control.Running{Pid: os.Getpid(), Channel: ours}, nil
}

func (n *node) started() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.deputies)
}

func (n *node) close() {
	n.Registry.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range n.deputies {
		<-d.ended
	}
}

// program runs a shell that reads its standard input; end lets it end.
func program(t *testing.T, script string) (pid int, end func()) {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		stdin.Close()
		cmd.Wait()
	})
	t.Cleanup(end)
	return cmd.Process.Pid, end
}

func (n *node) register(pid int, opts control.Options) control.Registered {
	n.t.Helper()
	answer, err := n.Register(context.Background(), me, control.Register{Pid: pid, Program: "sh", Options: opts})
	if err != nil {
		n.t.Fatalf("register %d: %v", pid, err)
	}
	return answer
}

func (n *node) migrate(pid int, to string) error {
	_, err := n.Migrate(context.Background(), me, control.Migrate{Pid: pid, To: to})
	return err
}

// eventually polls a condition that other processes make true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came: %s", what)
		}
	}
}
