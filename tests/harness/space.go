package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// space is what makes a namespaced node: an init process (init.go) that holds the
// namespaces and dies with everything in them when its pipe to the test is closed.
type space struct {
	init  *Job
	alive *os.File // the pipe: closing it ends the init
	card  string   // the node's end at the hub
	group cgroup
}

// hub is the switch: a bridge in a net namespace of its own, held by an init, too.
type hub struct{ space }

func (s *space) pid() int { return s.init.Pid }

// stepLimit bounds one step of making a node's network.
const stepLimit = 10 * time.Second

// newSpace starts an init with the given namespaces and waits until it has done
// its part.
func newSpace(flags uintptr, p initPlan) (*space, error) {
	ends, alive, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ends.Close()
	ready, told, err := os.Pipe()
	if err != nil {
		alive.Close()
		return nil, err
	}
	defer ready.Close()
	plan, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{initName, string(plan)}, ExtraFiles: []*os.File{ends, told},
		Env:         []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", mark},
		SysProcAttr: &syscall.SysProcAttr{Cloneflags: flags},
	}
	job, err := start(cmd, Command{Args: cmd.Args, Limit: daemonLimit})
	told.Close()
	if err != nil {
		alive.Close()
		return nil, fmt.Errorf("make namespaces: %w", err)
	}
	s := &space{init: job, alive: alive}
	if err := s.awaitReady(ready); err != nil {
		s.end()
		return nil, fmt.Errorf("make namespaces: %w: %s", err, job.Wait())
	}
	return s, nil
}

// awaitReady waits for the init's one byte, or its death.
func (s *space) awaitReady(ready *os.File) error {
	if err := ready.SetReadDeadline(time.Now().Add(startLimit)); err != nil {
		return err
	}
	_, err := io.ReadFull(ready, make([]byte, 1))
	return err
}

// end closes the init's pipe, waits, and forgets its cgroup.
func (s *space) end() {
	s.alive.Close()
	select {
	case <-s.init.Done():
	case <-time.After(stepLimit):
		killTree(s.init.Pid)
		s.init.Wait()
	}
	s.group.remove()
}

// enter is the command line that runs args inside of the node.
func (s *space) enter(n *Node, args []string) []string {
	line := []string{"nsenter", "-t", strconv.Itoa(s.pid()), "-p", "-m", "-u", "-i", "-n"}
	if n.user != Root {
		uid := strconv.Itoa(n.user.Uid())
		line = append(line, "-S", uid, "-G", uid)
	}
	return s.group.join(append(append(line, "--"), args...))
}

// start runs a command in the node. The Pid of the job is the one that the node
// sees.
func (s *space) start(n *Node, c Command) (*Job, error) {
	path, err := n.lookPath(c.Args[0])
	if err != nil {
		return nil, err
	}
	// A shell goes to the directory, which must be looked up inside; it execs, so
	// there is no process more.
	args := append([]string{"/bin/sh", "-c", `cd "$0" && exec "$@"`, c.Dir, path}, c.Args[1:]...)
	line := s.enter(n, args)
	program, err := exec.LookPath(line[0])
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: program, Args: line, Env: n.environ(c.Env), SysProcAttr: &syscall.SysProcAttr{}}
	job, err := start(cmd, c)
	if err != nil {
		return nil, err
	}
	job.args = c.Args
	if err := job.findInner(); err != nil {
		return nil, err
	}
	return job, nil
}

// outer is the job's main process as this machine numbers it.
func (j *Job) outer() int {
	if j.inner != 0 {
		return j.inner
	}
	return j.cmd.Process.Pid
}

// findInner waits for nsenter's child, which is the command, and reads its number
// inside. A command that has already ended has none.
func (j *Job) findInner() error {
	return Poll(stepLimit, func() error {
		if j.Ended() {
			return nil
		}
		for _, p := range children(j.cmd.Process.Pid) {
			if pid, ok := pidInside(p.pid); ok {
				j.inner, j.Pid = p.pid, pid
				return nil
			}
		}
		return fmt.Errorf("%s has not started", j.args[0])
	})
}

// pidInside is the number of a process in its innermost pid namespace.
func pidInside(pid int) (int, bool) {
	data, err := os.ReadFile(procPath(pid, "status"))
	if err != nil {
		return 0, false
	}
	for _, line := range strings.Split(string(data), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "NSpid:" {
			inner, err := strconv.Atoi(fields[len(fields)-1])
			return inner, err == nil && len(fields) > 2
		}
	}
	return 0, false
}

// makeSpaces makes the hub and all nodes' namespaces and joins them.
func (c *Nodes) makeSpaces() error {
	s, err := newSpace(syscall.CLONE_NEWNET, initPlan{})
	if err != nil {
		return err
	}
	c.hub = &hub{*s}
	if err := c.hub.run("ip", "link", "add", "br0", "type", "bridge"); err != nil {
		return err
	}
	if err := c.hub.run("ip", "link", "set", "br0", "up"); err != nil {
		return err
	}
	hosts := filepath.Join(c.dir, "hosts")
	if err := os.WriteFile(hosts, []byte(c.hosts()), 0o644); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if err := c.makeSpace(n, hosts); err != nil {
			return fmt.Errorf("node %d: %w", n.ID, err)
		}
	}
	return nil
}

func (c *Nodes) hosts() string {
	lines := "127.0.0.1 localhost\n"
	for _, n := range c.nodes {
		lines += fmt.Sprintf("%s node%d\n", n.Address(), n.ID)
	}
	return lines
}

func (c *Nodes) makeSpace(n *Node, hosts string) error {
	const flags = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET
	s, err := newSpace(flags, initPlan{Host: "node" + strconv.Itoa(n.ID), Hosts: hosts, Keep: append([]string{binDir, n.Dir()}, c.value.Share...), Shared: base})
	if err != nil {
		return err
	}
	n.space = s
	s.card = "v" + strconv.Itoa(n.ID)
	if s.group, err = newCgroup(filepath.Base(base)+"-"+filepath.Base(c.dir)+"-"+strconv.Itoa(n.ID), c.value, n.ID); err != nil {
		return err
	}
	if err := c.hub.run("ip", "link", "add", s.card, "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(s.pid())); err != nil {
		return err
	}
	for _, line := range [][]string{
		{"ip", "link", "set", s.card, "master", "br0"}, {"ip", "link", "set", s.card, "up"},
	} {
		if err := c.hub.run(line...); err != nil {
			return err
		}
	}
	for _, line := range [][]string{
		{"ip", "link", "set", "lo", "up"}, {"ip", "addr", "add", n.Address() + "/24", "dev", "eth0"}, {"ip", "link", "set", "eth0", "up"},
	} {
		if err := s.run(line...); err != nil {
			return err
		}
	}
	return s.shape(at(c.value.Links, n.ID))
}

// run runs a network tool in the namespace's net, with this machine's files.
func (s *space) run(args ...string) error {
	_, err := s.output(args...)
	return err
}

// output is run that returns what the tool prints.
func (s *space) output(args ...string) (string, error) {
	line := append([]string{"nsenter", "-t", strconv.Itoa(s.pid()), "-n", "--"}, args...)
	out, err := RunHelper(stepLimit, nil, line...)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return string(out), err
}

// dropSpaces ends every node and the hub; namespaces, mounts and cards go with
// them.
func (c *Nodes) dropSpaces() {
	for _, n := range c.nodes {
		if n.space != nil {
			for _, p := range strangers(n.space.pid()) {
				c.t.Errorf("left behind on node %d: process %d (%s, state %c): %q", n.ID, p.pid, p.comm, p.state, cmdline(p.pid))
				tellStacks(p)
			}
			n.space.end()
		}
	}
	if c.hub != nil {
		c.hub.end()
	}
}

// strangers are the processes that a node's init still has after some time.
func strangers(init int) (left []proc) {
	_ = Poll(leakLimit, func() error {
		if left = descendants(init); len(left) > 0 {
			return fmt.Errorf("%d processes", len(left))
		}
		return nil
	})
	return left
}
