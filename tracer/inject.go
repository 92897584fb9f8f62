package tracer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// Caller executes one system call in the name of a process. ret is the raw
// result, a negative errno on failure; err is our own failure to have it executed.
type Caller interface {
	Call(nr uint64, args ...uint64) (ret int64, err error)
}

// allSignals blocks every signal. SIGTRAP may be among them, because nothing in a
// session forces one: a forced one that is blocked loses its handler.
const allSignals = ^uint64(0)

// Injector executes system calls in a stopped task by moving it onto a `syscall`
// instruction and back. Until End all signals are masked:
// a signal that met an injected call would be lost.
type Injector struct {
	task *Task
	insn abi.Addr
	slot *Slot // for scripts; nil: there are none
	regs Regs
	mask uint64
	born func(abi.LocalPid) // is told of the task that a call has made
}

// Injector begins a session of injected calls in a task in a StopTrap, a signal
// stop or a syscall-exit stop. insn is the address of a `syscall` instruction in
// the task's memory. End must follow.
func (k *Task) Injector(insn abi.Addr) (*Injector, error) {
	in := &Injector{task: k, insn: insn}
	var err error
	if in.regs, err = k.Regs(); err != nil {
		return nil, fmt.Errorf("inject into %d: %w", k.Tid, err)
	}
	if in.mask, err = k.SigMask(); err != nil {
		return nil, fmt.Errorf("inject into %d: %w", k.Tid, err)
	}
	if err = k.SetSigMask(allSignals); err != nil {
		return nil, fmt.Errorf("inject into %d: %w", k.Tid, err)
	}
	return in, nil
}

// Use changes the instruction that the following calls are made by, to one outside of the
// window.
func (in *Injector) Use(insn abi.Addr) { in.insn, in.slot = insn, nil }

// UseLoop has the following calls made in the window in which the task has that slot.
func (in *Injector) UseLoop(s *Slot) { in.insn, in.slot = s.loop.Insn(), s }

// Regs are the task's own registers as they were at Begin; End puts them back.
func (in *Injector) Regs() *Regs { return &in.regs }

// Mask is the task's own signal mask as it was at Begin; End puts it back.
func (in *Injector) Mask() *uint64 { return &in.mask }

// Call executes one system call in the task (PTRACE_SYSCALL to its exit stop: no
// signal is used, so that neither SIGTRAP nor its handler is touched).
func (in *Injector) Call(nr uint64, args ...uint64) (int64, error) {
	r := in.regs
	var six [6]uint64
	copy(six[:], args)
	r.enter(in.insn, nr, six)
	if err := in.task.SetRegs(r); err != nil {
		return 0, fmt.Errorf("inject call %d into %d: %w", nr, in.task.Tid, err)
	}
	if err := in.task.runCall(in.born); err != nil {
		return 0, fmt.Errorf("inject call %d into %d: %w", nr, in.task.Tid, err)
	}
	after, err := in.task.Regs()
	return after.Result(), err
}

// Clone makes a clone call and returns the new task, adopted and in its first stop,
// where it came to life: behind the `syscall` instruction, with all signals masked. A new
// thread of a process that is stopped stands in its group-stop.
// The options of the task (PTRACE_O_TRACECLONE and the like) must have the kernel
// attach it. It is nil if the call failed; ret is the call's result then. With an error,
// as when the task is killed just then, the new one is killed, too.
func (in *Injector) Clone(nr uint64, args ...uint64) (child *Task, ret int64, err error) {
	t := in.task.tracer
	in.born = func(tid abi.LocalPid) { child = t.Adopt(tid) }
	ret, err = in.Call(nr, args...)
	in.born = nil
	for s := (Stop{}); child != nil && err == nil && s.Kind != StopTrap && s.Kind != StopGroup; {
		s, err = child.Wait()
	}
	if err != nil && child != nil {
		child.End()
		child = nil
	}
	return child, ret, err
}

// Prime makes a call that waits, interrupts it at once and returns its result: as
// a rule the restart code, and then the kernel has noted for the task how the call
// goes on (restart_syscall).
func (in *Injector) Prime(nr uint64, args [6]uint64) (int64, error) {
	r := in.regs
	r.enter(in.insn, nr, args)
	err := in.task.SetRegs(r)
	for entered := false; err == nil; {
		if err = in.task.Syscall(0); err == nil && entered {
			err = in.task.Interrupt()
		}
		var s Stop
		if err == nil {
			s, err = in.task.Wait()
		}
		if s.Kind == StopSyscall && entered {
			break
		}
		entered = entered || s.Kind == StopSyscall
	}
	if err != nil {
		return 0, fmt.Errorf("prime call %d in %d: %w", nr, in.task.Tid, err)
	}
	after, err := in.task.Regs()
	return after.Result(), err
}

// runCall runs a task that stands before a `syscall` instruction through one
// whole call, to its exit stop. born, if not nil, is told of a task that it makes.
func (k *Task) runCall(born func(abi.LocalPid)) error {
	if k.leaving {
		return ErrGone
	}
	sig := 0
	for entered := false; ; {
		if err := k.Syscall(sig); err != nil {
			return err
		}
		s, err := k.Wait()
		if err == nil && !entered && k.faults(s) {
			err = errors.New("there is no code for it")
		}
		if err == nil {
			sig, err = k.Meet(s)
		}
		switch {
		case err != nil:
			return err
		case s.Kind == StopSyscall && entered:
			return nil
		case s.Kind == StopSyscall:
			entered = true
		case s.Kind == StopEvent && born != nil:
			tid, err := k.EventMessage()
			if err != nil {
				return err
			}
			born(abi.LocalPid(tid))
		}
	}
}

// faults tells whether the kernel has stopped the task because it cannot go on where it is.
// It would be told so again and again.
func (k *Task) faults(s Stop) bool {
	if s.Kind != StopSignal || s.Signal != int(unix.SIGSEGV) && s.Signal != int(unix.SIGBUS) {
		return false
	}
	info, err := k.Siginfo()
	return err == nil && info.Code() > 0
}

// End puts registers and mask back and leaves the task in a StopTrap, from where
// an interrupted call restarts as if nothing had happened.
func (in *Injector) End() error {
	if err := in.task.SetRegs(in.regs); err != nil {
		return fmt.Errorf("end injection into %d: %w", in.task.Tid, err)
	}
	// Settle runs the task to the edge of user mode: signals must still be masked.
	if err := in.task.Settle(); err != nil {
		return fmt.Errorf("end injection into %d: %w", in.task.Tid, err)
	}
	return in.task.SetSigMask(in.mask)
}
