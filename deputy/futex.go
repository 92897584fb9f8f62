package deputy

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// noteFutex makes a record of a futex wait with a limit that the program was stopped
// in. A limit that is a moment needs nothing: the wait is made again, unless a signal is
// handled before, which ends it.
func (t *task) noteFutex() {
	r := &t.user.Regs
	args := r.Args()
	limit, ok := abi.Lookup(unix.SYS_FUTEX).Timeout.Read(&args, t.b.mem)
	if !ok {
		r.OrigRax = unix.SYS_FUTEX
		r.SetResult(restartNoHand)
		return
	}
	t.wait = &image.PendingCall{Nr: unix.SYS_FUTEX, Args: args, Until: clockNow(monotonicClock) + int64(time.Until(t.slept.sinceWhen(unix.SYS_FUTEX).Add(limit)))}
}

// waitOn lets the task wait for the futex in the program's stead; its memory is here.
func (t *task) waitOn(w *image.PendingCall) error {
	buffers, at := t.slot.Buffers()
	words := abi.TimespecOf(w.Until)
	copy(buffers[futexOffset:], words[:])
	c := &call{b: t.b, t: t, plan: abi.Call{Nr: unix.SYS_FUTEX, Args: w.Args}, row: abi.Lookup(unix.SYS_FUTEX), nr: unix.SYS_FUTEX,
		args: abi.FutexUntil(w.Args, at+futexOffset), futex: w, mask: t.user.Mask}
	t.wait = nil
	t.setCall(c)
	*t.in.Mask() = closedMask
	if err := errors.Join(t.endSession(), t.k.Cont(0)); err != nil {
		return err
	}
	t.settleCut()
	c.begin(closedMask)
	return nil
}

// settleCut waits until the task has noticed that it was taken out of a call, so
// that its slot is free for the next one.
func (t *task) settleCut() {
	if t.cut {
		t.slot.Wait(stopLimit)
	}
	t.cut = false
}

// takeWait takes the task out of the futex wait that it does for the program, which
// is about to leave with its memory. In a session.
func (t *task) takeWait() {
	c := t.current()
	if c == nil || c.futex == nil {
		return
	}
	r := t.in.Regs()
	switch place := t.slot.At(r); {
	case c.done:
		t.user.Regs.Skip(c.ret)
	case place == tracer.PlaceInCall && !interrupted(r):
		t.user.Regs.Skip(r.Result())
	case place == tracer.PlaceAfterCall:
		t.user.Regs.Skip(0) // a wake-up without a cause, at worst: programs look again (man 2 futex)
	default:
		t.wait = c.futex
	}
	r.LeaveSyscall()
	t.setCall(nil)
	t.cut = true
}
