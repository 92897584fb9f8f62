package remote

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/remote/cage"
	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/wire"
)

// onTrap decides about a call that the task is about to make.
func (t *task) onTrap() {
	r, err := t.k.Regs()
	if err != nil {
		return
	}
	t.regs, t.trapped, t.temp = r, true, false
	if t.g.stage != alive || t.g.halting || t.state != running {
		return // it is about to make the call when it goes on
	}
	if t.g.stopped {
		t.holdBefore()
		return
	}
	t.g.ownFiles.flush()
	nr := uint64(uint32(r.OrigRax))
	row := abi.Lookup(nr)
	args := r.Args()
	switch {
	case t.foreign():
		t.askHome("it makes 32-bit system calls")
	case row == nil:
		t.askHome(fmt.Sprintf("unknown system call %d", nr))
	case nr == unix.SYS_TIMER_GETOVERRUN && t.tellOverrun(int32(args[0])):
	case row.Place(&args) == abi.Home:
		t.forward(row, nr, args)
	case row.Place(&args) == abi.ComeHome:
		t.leaveFor(row, nr, args)
	default:
		t.local(row, nr, args)
	}
}

// holdBefore holds a task of a stopped process before the call that it was about to make.
func (t *task) holdBefore() {
	r := t.regs
	holdAt(&r, uint64(uint32(r.OrigRax)))
	if t.leaveCall() && t.k.SetRegs(r) == nil {
		t.state = held
	}
}

// holdAt changes the registers of a task that is about to make call nr so that it does when
// it goes on. A call that does nothing but wait may have begun long ago, before a move or a
// stop: a signal that is handled first ends it.
func holdAt(r *tracer.Regs, nr uint64) {
	args := r.Args()
	if code, waits := abi.WaitCode(nr, &args); waits {
		r.OrigRax = nr
		r.SetResult(code)
		return
	}
	r.Rewind(nr)
}

// foreign tells that the trapped call is one of the 32-bit or x32 interface.
func (t *task) foreign() bool {
	message, err := t.k.EventMessage()
	return err == nil && message == cage.TrapForeign
}

// leaveFor has home take the process back for a call that can be made nowhere else. What
// looks at the memory of another process is made when that is at home, too.
func (t *task) leaveFor(row *abi.Row, nr uint64, args [6]uint64) {
	at, harmless := abi.LooksAt(nr, args)
	if harmless && t.g.task(at) != nil && t.g.x.cage.ExactPids() {
		t.makeIt()
		return
	}
	t.askHomeAt(reason(row), at)
}

func reason(row *abi.Row) string {
	if row.Note == "" {
		return "it calls " + row.Name
	}
	return "it calls " + row.Name + ": " + row.Note
}

// leaveTrap takes the task out of a seccomp stop without making the call. The
// registers that it stopped with stay in t.regs.
func (t *task) leaveTrap() error {
	if !t.trapped {
		return nil
	}
	r := t.regs
	r.Skip(0)
	if err := t.k.SetRegs(r); err != nil {
		return err
	}
	if err := t.k.Syscall(0); err != nil {
		return err
	}
	for {
		s, err := t.k.Wait()
		if err != nil {
			return err
		}
		if s.Kind == tracer.StopSyscall {
			t.trapped = false
			return nil
		}
		if err := t.k.Syscall(0); err != nil {
			return err
		}
	}
}

// injecting executes calls in the stopped task, each in a session of its own.
func (t *task) injecting() tracer.Caller { return injecting{t} }

type injecting struct{ t *task }

func (i injecting) Call(nr uint64, args ...uint64) (int64, error) {
	call := []tracer.Scripted{{Nr: nr}}
	copy(call[0].Args[:], args)
	err := i.Run(call)
	return call[0].Ret, err
}

// Run executes several calls in one session, one by one: a sealed task is trapped at some.
func (i injecting) Run(calls []tracer.Scripted) error {
	if err := i.t.leaveTrap(); err != nil {
		return err
	}
	in, err := i.t.k.Injector(i.t.g.loop.Insn())
	if err != nil {
		return err
	}
	if err := in.Run(calls); err != nil {
		return err
	}
	return in.End()
}

// makeIt lets the guest's own kernel make the call that it is trapped at.
func (t *task) makeIt() {
	t.trapped = false
	t.cont(0)
}

// local carries out a call that needs no more than this node, or a word to home.
func (t *task) local(row *abi.Row, nr uint64, args [6]uint64) {
	switch nr {
	case unix.SYS_EXIT_GROUP:
		t.g.exit(t, int(args[0]))
	case unix.SYS_EXIT:
		t.leaveProcess(int(args[0]))
	case unix.SYS_RT_SIGACTION:
		if t.noteAction(args) {
			t.tell(nr, [6]uint64{args[0], args[1], 0, args[3]})
		}
		t.makeIt()
	case unix.SYS_FUTEX:
		if abi.FutexHoldsTid(args[1]) && !t.g.x.cage.ExactPids() {
			t.askHome("it uses a lock that holds the number of its thread")
			return
		}
		t.noteFutex(row, args)
		t.waitUntil(row, nr, args)
	case unix.SYS_FUTEX_WAIT, unix.SYS_FUTEX_WAITV:
		t.waitUntil(row, nr, args)
	case unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_TIME:
		t.tellTime(nr, args)
	case unix.SYS_MMAP:
		t.mmap(args)
	case unix.SYS_MREMAP:
		t.mremap(args)
	case unix.SYS_MUNMAP:
		t.munmap(args)
	case unix.SYS_MSYNC:
		t.msync(row, nr, args)
	case unix.SYS_MPROTECT, unix.SYS_MADVISE, unix.SYS_BRK:
		t.g.mem.forget()
		t.makeIt()
	case unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_TGKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO:
		if !t.signalSelf(nr, args) {
			t.forward(row, nr, args)
		}
	case unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT, unix.SYS_PRLIMIT64, unix.SYS_SCHED_GETAFFINITY, unix.SYS_PRCTL:
		t.forward(row, nr, args)
	case unix.SYS_SCHED_SETAFFINITY:
		t.chooseCPUs(row, args)
	case unix.SYS_GETCPU:
		if t.unnumbered {
			t.forward(row, nr, args)
		} else {
			t.makeIt()
		}
	case unix.SYS_RSEQ:
		if t.unnumbered {
			t.finish(t.registerRseq(args))
		} else {
			t.makeIt()
		}
	case unix.SYS_GETPID:
		t.finish(int64(t.g.pid))
	case unix.SYS_GETTID:
		t.finish(int64(t.tid))
	case unix.SYS_SET_TID_ADDRESS:
		t.setTidAddress(args[0])
	case unix.SYS_CLONE, unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_CLONE3:
		t.clone(nr, args)
	case unix.SYS_EXECVE, unix.SYS_EXECVEAT:
		t.exec(row, nr, args)
	case unix.SYS_MLOCK, unix.SYS_MLOCK2, unix.SYS_MUNLOCK, unix.SYS_MLOCKALL, unix.SYS_MUNLOCKALL:
		t.askHome("it locks memory")
	default:
		t.makeIt()
	}
}

// leaveProcess ends a task by its own wish. A leader that leaves the others behind is
// a process without the memory that /proc shows; it does so at home.
func (t *task) leaveProcess(status int) {
	switch {
	case len(t.g.tasks) == 1:
		t.g.exit(t, status)
	case t == t.g.leader():
		t.askHome("its first thread ends")
	default:
		t.exit(status)
	}
}

// setTidAddress makes the call where the kernel would answer with the number that the
// task has here (man set_tid_address).
func (t *task) setTidAddress(at uint64) {
	kept := t.regs
	_, err := t.injecting().Call(unix.SYS_SET_TID_ADDRESS, at)
	if t.regs = kept; err == nil {
		t.finish(int64(t.tid))
	}
}

// tell has home make a call, too, whose outcome does not matter.
func (t *task) tell(nr uint64, args [6]uint64) {
	t.g.asks++
	var c abi.Call
	if _, refusal := abi.PlanInto(&c, nr, args, t.g.mem); refusal != "" {
		return
	}
	payload, err := t.gather(&c)
	if err != nil {
		return
	}
	t.g.x.send(t.header(wire.TypeTell), &wire.Call{Call: c}, payload)
}

// Actions that are no handlers (include/uapi/asm-generic/signal-defs.h).
const sigDfl, sigIgn = 0, 1

// noteAction keeps the sets of ignored and caught signals up to date. It tells whether home
// has to know: its kernel drops what is ignored, and acts by itself on the signals that stop
// the process or tell of its children. Handlers run here; they go along when it moves.
func (t *task) noteAction(args [6]uint64) bool {
	var handler [8]byte
	sig := args[0]
	if sig < 1 || sig > 64 || args[3] != abi.SigsetSize {
		return false // the kernel refuses it
	}
	if _, err := t.g.mem.ReadAt(handler[:], abi.Addr(args[1])); err != nil {
		return false
	}
	bit, before := uint64(1)<<(sig-1), t.g.ignored
	t.g.ignored, t.g.caught = t.g.ignored&^bit, t.g.caught&^bit
	switch binary.NativeEndian.Uint64(handler[:]) {
	case sigDfl:
	case sigIgn:
		t.g.ignored |= bit
	default:
		t.g.caught |= bit
	}
	return t.g.ignored != before || bit&(quietSignals|abi.Stops) != 0
}
