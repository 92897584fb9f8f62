package cage

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"umosix/tracer"
)

const traceOptions = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
	unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACESECCOMP

const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

// start makes the first process and has it build the walls around itself, then
// leaves it stopped for good: it is never resumed but to clone guests.
func (c *Cage) start(full bool) error {
	c.exact.pids, c.exact.clocks = false, false
	pid, err := tracer.StartSeed(c.title(), seedAttr(full))
	if errors.Is(err, unix.ENOSPC) {
		err = fmt.Errorf("%w (a limit of /proc/sys/user/max_*_namespaces)", err)
	}
	if err != nil {
		return fmt.Errorf("first process of the cage: %w", err)
	}
	c.first, err = c.cfg.Tracer.Seize(pid, unix.PTRACE_O_EXITKILL)
	if err != nil {
		unix.Kill(int(pid), unix.SIGKILL)
		unix.Wait4(int(pid), nil, unix.WALL, nil)
		return err
	}
	if err := c.settle(full); err != nil {
		c.abandon()
		return err
	}
	return nil
}

// title is the command line of the cage's processes on the node.
func (c *Cage) title() string {
	if c.cfg.Label == "" {
		return guestName
	}
	return guestName + ": " + c.cfg.Label[:min(len(c.cfg.Label), 200)]
}

func seedAttr(full bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if full {
		attr.Cloneflags = namespaces
		// Inside id 0: with any other, exec drops the capabilities of the new namespace.
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// settle stops the first process and builds the walls in it.
func (c *Cage) settle(full bool) error {
	if err := c.first.Stop(); err != nil {
		return fmt.Errorf("stop first process %d: %w", c.first.Tid, err)
	}
	// Not before: the process may have met the end of its exec while being seized,
	// and the stop of that event would have swallowed the interruption.
	err := c.first.SetOptions(traceOptions)
	if err != nil {
		return fmt.Errorf("trace first process %d: %w", c.first.Tid, err)
	}
	if c.memory, err = tracer.OpenMemory(c.first.Tid); err != nil {
		return err
	}
	if err := c.limit(); err != nil {
		return err
	}
	in, err := c.first.Injector(c.Insn())
	if err != nil {
		return err
	}
	c.idle = *in.Regs()
	h := &hands{call: in, memory: c.memory, scratch: c.scratch()}
	if err := c.raise(h, full); err != nil {
		return err
	}
	*in.Mask() = ^uint64(0) // nothing may disturb it from now on
	return in.End()
}

// raise builds the walls, in the only order that works: each step takes away
// what the next one no longer needs.
func (c *Cage) raise(h *hands, full bool) error {
	if err := c.tidy(h); err != nil {
		return err
	}
	if full {
		c.exact.pids = true
		c.exact.clocks = c.carryClocks(h)
		if err := emptyRoot(h); err != nil {
			return err
		}
	}
	landlocked, err := c.lock(h, full)
	c.level = levelOf(full, landlocked)
	return err
}

// levelOf names the walls. Landlock is the second of two walls in a full cage, and
// its lack no reason to call it weak.
func levelOf(full, landlocked bool) string {
	switch {
	case full:
		return LevelFull
	case landlocked:
		return LevelLandlock
	}
	return LevelSeccomp
}

// abandon kills and reaps a first process that has no children yet, on the
// tracer's thread.
func (c *Cage) abandon() error {
	unix.Kill(int(c.first.Tid), unix.SIGKILL)
	for {
		if _, err := c.first.Wait(); err != nil {
			break
		}
	}
	if c.memory != nil {
		c.memory.Close()
	}
	group := c.group
	c.memory, c.group = nil, nil
	return group.remove()
}
