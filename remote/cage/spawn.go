package cage

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// highestPid is the highest number that a pid namespace can give
// (linux/threads.h, PID_MAX_LIMIT on 64 bits).
const highestPid = 4<<20 - 1

// Spawn makes a process in the cage whose number inside is pid (any number if pid
// is 0, or if the cage has no pid namespace). It has one task, stopped before its
// first instruction, the memory of a seed, no descriptor, default signal actions,
// and no signal blocked. Seal must follow before it runs.
//
// The error is ErrPid if the number cannot be had. A guest with pid 1 gets a pid
// namespace of its own inside the cage's.
func (c *Cage) Spawn(pid abi.HomePid) (*tracer.Task, error) {
	if !c.exact.pids {
		pid = 0
	}
	defer tracer.Together(c.first.Tid)()
	k, err := c.clone(c.idsFor(pid))
	if err != nil {
		return nil, fmt.Errorf("spawn guest %d: %w", pid, err)
	}
	if err := c.cleanse(k); err != nil {
		unix.Kill(int(k.Tid), unix.SIGKILL)
		return nil, fmt.Errorf("spawn guest %d: %w", pid, err)
	}
	if c.level != LevelFull {
		c.remember(k)
	}
	return k, nil
}

// idsFor are the numbers that the new process shall have, in the innermost
// namespace first.
func (c *Cage) idsFor(pid abi.HomePid) []abi.HomePid {
	switch pid {
	case 0:
		return nil
	case 1: // its number in the cage must be none that another guest may want
		c.nested++
		return []abi.HomePid{1, highestPid - c.nested}
	}
	return []abi.HomePid{pid}
}

// clone has the first process make a child and waits for the child's first stop.
// The first process stays in the syscall stop at the end of the call: it is only
// ever resumed with new registers.
func (c *Cage) clone(ids []abi.HomePid) (*tracer.Task, error) {
	at := c.scratch()
	if _, err := c.memory.WriteAt(cloneArgs(at, ids), at); err != nil {
		return nil, err
	}
	regs := c.idle
	regs.Rip, regs.Rax = uint64(c.Insn()), unix.SYS_CLONE3
	regs.LeaveSyscall()
	regs.SetArgs([6]uint64{uint64(at), cloneArgsSize})
	if err := c.first.SetRegs(regs); err != nil {
		return nil, fmt.Errorf("cage's first process: %w", err)
	}
	child, err := c.runClone()
	if err != nil {
		return nil, fmt.Errorf("cage's first process: %w", err)
	}
	if child == nil {
		return nil, c.cloneError()
	}
	_, err = child.Wait()
	return child, err
}

// runClone runs the first process through one clone, from before its `syscall`
// instruction to its syscall-exit stop. The child is nil if the call has failed.
func (c *Cage) runClone() (child *tracer.Task, err error) {
	for entered := false; ; {
		if err := c.first.Syscall(0); err != nil {
			return nil, err
		}
		s, err := c.first.Wait()
		switch {
		case err != nil:
			return nil, err
		case s.Kind == tracer.StopEvent:
			pid, err := c.first.EventMessage()
			if err != nil {
				return nil, err
			}
			child = c.cfg.Tracer.Adopt(abi.LocalPid(pid))
		case s.Kind == tracer.StopSyscall && entered:
			return child, nil
		case s.Kind == tracer.StopSyscall:
			entered = true
		}
	}
}

// cloneError is why the call that runClone has run made no child.
func (c *Cage) cloneError() error {
	regs, err := c.first.Regs()
	if err != nil {
		return err
	}
	return explainClone(unix.Errno(-regs.Result()))
}

func explainClone(errno unix.Errno) error {
	if errno == unix.EEXIST || errno == unix.EINVAL {
		return fmt.Errorf("%w: clone3: %w", ErrPid, errno)
	}
	return fmt.Errorf("clone3: %w", errno)
}

// cloneArgsSize is the size of struct clone_args with set_tid (man clone3, 5.5).
const cloneArgsSize = 80

// offDefault is where in the scratch memory an action of zero bytes (SIG_DFL)
// lies; the child inherits a copy.
const offDefault = 256

// cloneArgs are the arguments of a plain fork with these numbers, to be placed at
// an address, the numbers and a default signal action behind them.
func cloneArgs(at abi.Addr, ids []abi.HomePid) []byte {
	flags := uint64(0)
	if len(ids) > 1 {
		flags = unix.CLONE_NEWPID
	}
	b := words(flags, 0, 0, 0, uint64(unix.SIGCHLD), 0, 0, 0, uint64(at)+cloneArgsSize, uint64(len(ids)))
	if len(ids) == 0 {
		b = words(flags, 0, 0, 0, uint64(unix.SIGCHLD), 0, 0, 0, 0, 0)
	}
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return append(b, make([]byte, offDefault+32-len(b))...)
}

// cleanse takes from a new process what it has inherited from the first one and
// a guest must not have.
func (c *Cage) cleanse(k *tracer.Task) error {
	in, err := k.Injector(c.Insn())
	if err != nil {
		return err
	}
	in.Regs().LeaveSyscall()
	*in.Mask() = 0
	h := &hands{call: in}
	action := uint64(c.scratch()) + offDefault
	if _, err := h.do("default action of SIGCHLD", unix.SYS_RT_SIGACTION, uint64(unix.SIGCHLD), action, 0, 8); err != nil {
		return err
	}
	return in.End()
}

// scratch is where in the stack of a seed nothing is: its code uses none, and the
// kernel maps 128 KiB of stack at exec.
func (c *Cage) scratch() abi.Addr {
	return abi.Addr(c.idle.Rsp).PageDown() - 4*abi.PageSize
}

// remember keeps a process for Close.
func (c *Cage) remember(k *tracer.Task) {
	c.spawned = slices.DeleteFunc(c.spawned, func(k *tracer.Task) bool {
		_, ended := k.Ended()
		return ended
	})
	c.spawned = append(c.spawned, k)
}
