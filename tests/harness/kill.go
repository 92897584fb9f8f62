package harness

import (
	"fmt"
	"os"
	"slices"
	"syscall"
)

// Half is a part of the product that a test may kill.
type Half string

// The parts, named as their commands are. Pids of these are numbers of this
// machine, whatever namespace the process is in.
const (
	Mosd     Half = "mosd"
	Deputy   Half = "deputy"
	Executor Half = "executor"
)

// Pids are the running processes of one half on this node, at most one for Mosd.
func (n *Node) Pids(h Half) []int {
	if h == Mosd {
		if !n.daemon.running() {
			return nil
		}
		return []int{n.daemon.pid}
	}
	var found []int
	for _, p := range n.processes() {
		if line := cmdline(p.pid); len(line) > 1 && line[1] == string(h) && p.state != 'Z' {
			found = append(found, p.pid)
		}
	}
	return found
}

// processes are the node's processes below this test: those in its pid namespace,
// or with its state directory in their environment. (Commands come into a namespace
// from outside, so its init is not above them.)
func (n *Node) processes() []proc {
	is := func(pid int) bool { return hasVariable(pid, "MOSIX_STATE="+n.stateDir()) }
	if n.space != nil {
		own := pidNamespace(n.space.pid())
		is = func(pid int) bool { return own != "" && pidNamespace(pid) == own }
	}
	mine := []proc{}
	for _, p := range descendants(os.Getpid()) {
		if is(p.pid) {
			mine = append(mine, p)
		}
	}
	return mine
}

// pidNamespace names the pid namespace that a process is in, empty if it is gone.
func pidNamespace(pid int) string {
	name, _ := os.Readlink(procPath(pid, "ns/pid"))
	return name
}

// Kill ends one process of a half by SIGKILL. It refuses pids that are not
// descendants of this test.
func (n *Node) Kill(h Half, pid int) error {
	if !isBelow(pid) || !slices.Contains(n.Pids(h), pid) {
		return fmt.Errorf("%d is not a %s of node %d in this test", pid, h, n.ID)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %s %d of node %d: %w", h, pid, n.ID, err)
	}
	return nil
}
