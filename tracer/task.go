package tracer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// Task is one traced thread. All its methods must be called on the thread of its
// Tracer; those that look at or change the task need it stopped, and return
// ErrGone if it is no more.
type Task struct {
	Tid abi.LocalPid
	// Handler gets the stops that nobody waits for with Wait.
	Handler func(*Task, Stop)
	// Stops tells of a signal met while something else was waited for that it is to stop
	// the process at once, as the kernel does. Sent again it would end a SIGCONT that came
	// meanwhile. nil: no signal does.
	Stops func(sig int) bool

	tracer   *Tracer
	leaving  bool // it stands in its exit, of which the handler will hear
	ended    bool
	end      Stop
	last     StopKind
	stopped  bool      // with its process, as far as was seen
	deferred []Siginfo // signals met while something else was waited for, in order
}

// Siginfo is siginfo_t, 128 bytes (man sigaction).
type Siginfo [128]byte

// Signal is si_signo.
func (s *Siginfo) Signal() int { return int(int32(binary.LittleEndian.Uint32(s[0:]))) }

// Code is si_code.
func (s *Siginfo) Code() int { return int(int32(binary.LittleEndian.Uint32(s[8:]))) }

// Timer is the number of the POSIX timer that a signal is from (man timer_create). It
// reports false for any other signal.
func (s *Siginfo) Timer() (id int32, ok bool) {
	return int32(binary.LittleEndian.Uint32(s[16:])), s.Code() == abi.SiTimer
}

// Overrun is how many expirations of its timer a signal stands for beyond the first.
func (s *Siginfo) Overrun() int32 { return int32(binary.LittleEndian.Uint32(s[20:])) }

// SameTimer tells whether two signals are from one timer.
func (s *Siginfo) SameTimer(other Siginfo) bool {
	id, ok := s.Timer()
	of, fromTimer := other.Timer()
	return ok && fromTimer && id == of
}

// Same tells whether two looks at pending signals have met the same one. That of a timer
// changes when it is taken (kernel/time/posix-timers.c, posixtimer_rearm).
func (s *Siginfo) Same(other Siginfo) bool { return *s == other || s.SameTimer(other) }

// JoinTimer adds the expirations that a signal stands for to one of the same timer in a list,
// as the kernel does while that is pending (man timer_getoverrun). It reports false if there
// is none.
func JoinTimer(list []Siginfo, info *Siginfo) bool {
	i := slices.IndexFunc(list, info.SameTimer)
	if i < 0 {
		return false
	}
	sum := min(int64(list[i].Overrun())+1+int64(info.Overrun()), math.MaxInt32)
	binary.LittleEndian.PutUint32(list[i][20:], uint32(sum))
	return true
}

// RseqConfig is struct ptrace_rseq_configuration.
type RseqConfig struct {
	Pointer         abi.Addr
	Size, Signature uint32
	Flags, padding  uint32
}

// arrive takes a stop that the tracer's loop has met.
func (k *Task) arrive(s Stop) {
	k.note(s)
	if s.Ended() {
		k.finish(s)
	}
	if k.Handler != nil {
		k.Handler(k, s)
	}
}

func (k *Task) finish(s Stop) {
	k.ended, k.end = true, s
	delete(k.tracer.tasks, k.Tid)
}

// finishWaited is finish for an end that somebody has met who waited for something
// else: the handler hears of it later.
func (k *Task) finishWaited(s Stop) {
	k.finish(s)
	k.tracer.Post(func() {
		if k.Handler != nil {
			k.Handler(k, s)
		}
	})
}

// Tracer is the tracer that owns the task.
func (k *Task) Tracer() *Tracer { return k.tracer }

// Ended tells whether the task is known to be gone, and how.
func (k *Task) Ended() (Stop, bool) { return k.end, k.ended }

// leave takes note that the task stands in its exit (PTRACE_EVENT_EXIT): it executes
// nothing any more. The handler hears of it later, as if nobody had waited.
func (k *Task) leave(s Stop) {
	k.leaving = true
	k.tracer.Post(func() {
		k.leaving = false
		if k.Handler != nil && !k.ended {
			k.Handler(k, s)
		}
	})
}

// Wait waits for the next stop of this task alone. It returns ErrGone with a
// stop that says how when the task has ended, or is on its way out.
//
// The end of a leader is told when all other tasks of its process are gone, and those
// that are ours are gone only when somebody has waited for them; so others wait for
// them meanwhile.
func (k *Task) Wait() (Stop, error) {
	if k.ended || k.leaving {
		return k.end, ErrGone
	}
	stop := k.tracer.reapMeanwhile(k)
	var status unix.WaitStatus
	_, err := wait4(int(k.Tid), &status, unix.WALL|unix.WNOTHREAD)
	stop()
	if err == unix.ECHILD {
		k.finishWaited(Stop{Kind: StopKilled, Signal: int(unix.SIGKILL)})
		return k.end, ErrGone
	}
	if err != nil {
		return Stop{}, fmt.Errorf("wait for %d: %w", k.Tid, err)
	}
	s := decodeStop(status)
	k.note(s)
	switch {
	case s.Ended():
		k.finishWaited(s)
		return s, ErrGone
	case s.Leaving():
		k.leave(s)
		return s, ErrGone
	}
	return s, nil
}

// Interrupt asks the task to stop; a StopTrap follows, or another stop first.
func (k *Task) Interrupt() error { return ptrace(ptraceInterrupt, k.Tid, 0, 0) }

// Cont lets the task run, delivering sig if it is not 0 and this is a signal stop.
func (k *Task) Cont(sig int) error { return ptrace(ptraceCont, k.Tid, 0, uintptr(sig)) }

// Syscall lets the task run to the next entry of or exit from a system call.
func (k *Task) Syscall(sig int) error { return ptrace(ptraceSyscall, k.Tid, 0, uintptr(sig)) }

// Step lets the task run one instruction.
func (k *Task) Step(sig int) error { return ptrace(ptraceSinglestep, k.Tid, 0, uintptr(sig)) }

// Listen leaves a task in its group-stop, so that its parent sees it stopped and
// SIGCONT wakes it.
func (k *Task) Listen() error { return ptrace(ptraceListen, k.Tid, 0, 0) }

// note notes what a stop says about the process: whoever is traced by seizure is told by a
// trap that it has been continued.
func (k *Task) note(s Stop) {
	k.last = s.Kind
	switch s.Kind {
	case StopGroup:
		k.stopped = true
	case StopTrap:
		k.stopped = false
	}
}

// Stopped tells whether the process was stopped by a signal when the task was seen last.
func (k *Task) Stopped() bool { return k.stopped }

// InGroupStop tells whether the task stands still with its stopped process.
func (k *Task) InGroupStop() bool { return k.last == StopGroup }

// Detach lets the task go for good, delivering sig if it is not 0.
func (k *Task) Detach(sig int) error {
	err := ptrace(ptraceDetach, k.Tid, 0, uintptr(sig))
	if err == nil {
		delete(k.tracer.tasks, k.Tid)
	}
	return err
}

// Ours tells whether the kernel still has this program as the tracer of a task of that
// number. It needs no stop.
func (k *Task) Ours() bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", k.Tid))
	return err == nil && strings.Contains(string(raw), fmt.Sprintf("\nTracerPid:\t%d\n", unix.Gettid()))
}

// End kills a process of which this is the only task, and waits until it is gone, also
// if it stands in its exit already. The handler does not hear of it.
func (k *Task) End() {
	k.Handler = nil
	if !k.ended {
		unix.Kill(int(k.Tid), unix.SIGKILL)
	}
	for !k.ended {
		k.leaving = false
		k.Cont(0) // it may not be in a stop
		k.Wait()
	}
}

// Forget drops a task that the kernel has given to nobody: its end is not told.
func (k *Task) Forget() { delete(k.tracer.tasks, k.Tid) }

// SetOptions replaces the PTRACE_O_* options.
func (k *Task) SetOptions(options int) error {
	return ptrace(ptraceSetoptions, k.Tid, 0, uintptr(options))
}

// Regs reads the general registers.
func (k *Task) Regs() (r Regs, err error) {
	err = getRegs(k.Tid, &r)
	return r, err
}

// SetRegs writes the general registers, FS and GS base among them.
func (k *Task) SetRegs(r Regs) error { return setRegs(k.Tid, &r) }

// maxXstate bounds the XSAVE area of any processor so far (11 KiB with AMX).
const maxXstate = 64 << 10

// Xstate reads the XSAVE area in its standard layout.
func (k *Task) Xstate() ([]byte, error) {
	buf := make([]byte, maxXstate)
	n, err := getRegset(k.Tid, ntX86Xstate, buf)
	return buf[:n:n], err
}

// SetXstate writes the XSAVE area.
func (k *Task) SetXstate(b []byte) error { return setRegset(k.Tid, ntX86Xstate, b) }

// SigMask reads the set of blocked signals; bit n-1 is signal n.
func (k *Task) SigMask() (uint64, error) { return getSigMask(k.Tid) }

// SetSigMask replaces the set of blocked signals.
func (k *Task) SetSigMask(mask uint64) error { return setSigMask(k.Tid, mask) }

// Siginfo reads what is about to be delivered in a signal stop.
func (k *Task) Siginfo() (s Siginfo, err error) {
	err = getSiginfo(k.Tid, &s)
	return s, err
}

// SetSiginfo replaces what is about to be delivered in a signal stop.
func (k *Task) SetSiginfo(s Siginfo) error { return setSiginfo(k.Tid, &s) }

// PeekPending reads the queue of signals pending for the task, or for its whole
// process if shared is set, without taking them off.
func (k *Task) PeekPending(shared bool) ([]Siginfo, error) {
	var all []Siginfo
	buf := make([]Siginfo, 32)
	for {
		n, err := peekSiginfo(k.Tid, uint64(len(all)), shared, buf)
		if err != nil {
			return nil, fmt.Errorf("pending signals of %d: %w", k.Tid, err)
		}
		if n == 0 {
			return all, nil
		}
		all = append(all, buf[:n]...)
	}
}

// RseqConfig reads the registration of restartable sequences.
func (k *Task) RseqConfig() (c RseqConfig, err error) {
	err = getRseqConfig(k.Tid, &c)
	return c, err
}

// dispatchConfig is struct ptrace_sud_config (include/uapi/linux/ptrace.h).
type dispatchConfig struct {
	mode, selector, offset, len uint64
}

// Dispatches tells whether the program has some of its calls turned into SIGSYS (man
// prctl, PR_SET_SYSCALL_USER_DISPATCH). Kernels before 6.4 do not tell.
func (k *Task) Dispatches() bool {
	var c dispatchConfig
	return getDispatch(k.Tid, &c) == nil && c.mode != 0
}

// EventMessage is PTRACE_GETEVENTMSG of an event stop: a new child's pid as this
// program sees it, an exit status, or a former thread id.
func (k *Task) EventMessage() (uint64, error) { return getEventMessage(k.Tid) }

// Stop interrupts the task and waits until it stands in a StopTrap. Signals met
// on the way are kept, in order, for TakeDeferred; events and syscall stops met
// on the way are passed.
func (k *Task) Stop() error {
	if err := k.Interrupt(); err != nil {
		return err
	}
	return k.awaitTrap()
}

func (k *Task) awaitTrap() error {
	for {
		s, err := k.Wait()
		if err != nil {
			return err
		}
		switch s.Kind {
		case StopTrap, StopGroup:
			return nil
		case StopSeccomp:
			return fmt.Errorf("task %d is trapped at a call while it should stop", k.Tid)
		}
		if err := k.contInterrupted(s); err != nil {
			return err
		}
	}
}

// contInterrupted lets a task go on from a stop that is to stop: any stop takes a pending
// interrupt with it (kernel/signal.c, ptrace_stop), so it is asked for again.
func (k *Task) contInterrupted(s Stop) error {
	sig, err := k.Meet(s)
	if err != nil {
		return err
	}
	if k.leaving {
		return ErrGone
	}
	if err := k.Interrupt(); err != nil {
		return err
	}
	return k.Cont(sig)
}

// Settle turns any stop of a task whose registers were changed into a StopTrap.
// The kernel looks at restart codes when a task leaves a StopTrap, but not when
// it leaves a syscall stop.
func (k *Task) Settle() error {
	if err := k.contInterrupted(Stop{Kind: StopTrap}); err != nil {
		return err
	}
	return k.awaitTrap()
}

// EnterCall takes a stopped task into the call that it is about to make again, before any
// signal is delivered: of the signals that the call lets in and those that are let in
// outside of it, the kernel would take one of the latter first. mask is what is blocked
// outside. The task stands at the entry of the call afterwards.
func (k *Task) EnterCall(r Regs, mask uint64) error {
	r.Rewind(r.OrigRax)
	if err := errors.Join(k.SetRegs(r), k.SetSigMask(^uint64(0))); err != nil {
		return err
	}
	for sig := 0; ; {
		if err := k.Syscall(sig); err != nil {
			return err
		}
		s, err := k.Wait()
		if err != nil {
			return err
		}
		if s.Kind == StopSyscall {
			return k.SetSigMask(mask)
		}
		if sig, err = k.Meet(s); err != nil {
			return err
		}
	}
}

// Meet takes a signal off a task that is about to be delivered while something else is
// waited for, and keeps it. One that stops the process at once is to go on with.
func (k *Task) Meet(s Stop) (goOnWith int, err error) {
	if s.Kind != StopSignal {
		return 0, nil
	}
	if k.Stops != nil && k.Stops(s.Signal) {
		return s.Signal, nil
	}
	info, err := k.Siginfo()
	if err == nil {
		k.deferred = append(k.deferred, info)
	}
	return 0, err
}

// TakeDeferred returns the signals that were taken from the task while something
// else was waited for. The caller must deliver them.
func (k *Task) TakeDeferred() []Siginfo {
	d := k.deferred
	k.deferred = nil
	return d
}

// HasDeferred tells whether TakeDeferred has any.
func (k *Task) HasDeferred() bool { return len(k.deferred) > 0 }

// Deferred is what TakeDeferred will return.
func (k *Task) Deferred() []Siginfo { return k.deferred }

// Resend sends a signal that was taken off the task to it again. What the kernel and
// others than the sender may not say (man rt_tgsigqueueinfo) is lost then, not the signal.
func (k *Task) Resend(pid abi.LocalPid, info *Siginfo) {
	if tgsigqueueinfo(pid, k.Tid, info) != nil {
		unix.Tgkill(int(pid), int(k.Tid), unix.Signal(info.Signal()))
	}
}

// carrier does nothing by default, and hardly anybody sends it to one task.
const carrier = unix.SIGWINCH

// Present brings a task, which stands in a StopTrap, to where it is about to take a signal
// that nobody sends: to send SIGCONT, or one that stops, ends what of the others has come
// since (kernel/signal.c, prepare_signal). It is to go on with the signal's number. Nothing
// has happened if it reports false.
func (k *Task) Present(pid abi.LocalPid, info Siginfo) (bool, error) {
	mask, err := k.SigMask()
	if err != nil {
		return false, err
	}
	pending, err := k.PeekPending(false)
	if err != nil || slices.ContainsFunc(pending, func(info Siginfo) bool { return info.Signal() == int(carrier) }) {
		return false, err
	}
	err = errors.Join(k.SetSigMask(^uint64(0)&^(1<<(carrier-1))), unix.Tgkill(int(pid), int(k.Tid), carrier))
	for sig := 0; err == nil; {
		if err = k.Cont(sig); err != nil {
			break
		}
		var s Stop
		if s, err = k.Wait(); err == nil && s.Kind == StopSignal && s.Signal == int(carrier) {
			return true, errors.Join(k.SetSiginfo(info), k.SetSigMask(mask))
		}
		if err == nil {
			sig, err = k.Meet(s)
		}
	}
	return false, errors.Join(err, k.SetSigMask(mask))
}

// errNoStop says that a task did not stop in time: as a rule it waits in the
// kernel for its vfork child, and stops when the child execs or ends.
var errNoStop = errors.New("it does not stop (it may wait for a vfork child)")

// StopWithin is Stop with a bound. When it fails with the time over, the
// interrupt stays pending and the task may stop later.
func (k *Task) StopWithin(limit time.Duration) (Stop, error) {
	if err := k.Interrupt(); err != nil {
		return Stop{}, err
	}
	return k.AwaitStop(time.Now().Add(limit))
}

// AwaitStop is the second half of StopWithin: the interrupt has been asked for, by
// Interrupt, and the stop may take until that moment.
func (k *Task) AwaitStop(until time.Time) (Stop, error) {
	for looks := 0; ; looks++ {
		s, ok, err := k.poll()
		switch {
		case err != nil:
			return s, err
		case ok && s.Leaving():
			k.leave(s)
			return s, ErrGone
		case ok && (s.Kind == StopTrap || s.Kind == StopGroup):
			return s, nil
		case ok:
			if err := k.contInterrupted(s); err != nil {
				return s, err
			}
		case time.Now().After(until):
			return s, errNoStop
		default:
			rest(looks)
		}
	}
}

// rest lets others run between two looks at a task, which does in a moment what it was
// asked for, unless the kernel keeps it. A sleep of Go's can take a millisecond.
func rest(looks int) {
	const soon = 50
	if looks < soon {
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		return
	}
	pause := unix.NsecToTimespec(int64(20 * time.Microsecond))
	unix.Nanosleep(&pause, nil)
}

// AwaitEnd hands the task's stops to its handler until it has ended, or until a
// moment. It reports whether the task has ended.
func (k *Task) AwaitEnd(until time.Time) bool {
	for looks := 0; ; looks++ {
		s, ok, err := k.poll()
		switch {
		case err != nil:
			return true
		case ok:
			k.Handler(k, s)
		case time.Now().After(until):
			return false
		default:
			rest(looks)
		}
	}
}

// poll is Wait that does not wait.
func (k *Task) poll() (s Stop, ok bool, err error) {
	if k.ended || k.leaving {
		return k.end, true, ErrGone
	}
	var status unix.WaitStatus
	n, err := wait4(int(k.Tid), &status, unix.WALL|unix.WNOTHREAD|unix.WNOHANG)
	if err != nil {
		k.finishWaited(Stop{Kind: StopKilled, Signal: int(unix.SIGKILL)})
		return k.end, true, ErrGone
	}
	if n == 0 {
		return Stop{}, false, nil
	}
	s = decodeStop(status)
	k.note(s)
	if s.Ended() {
		k.finishWaited(s)
		return s, true, ErrGone
	}
	return s, true, nil
}
