package deputy

import (
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// noteFutex makes a record of a futex wait with a limit that the program was
// stopped in. A limit that is a moment needs nothing: the wait is simply made again.
func (b *body) noteFutex() {
	r := &b.user.Regs
	args := r.Args()
	limit, ok := abi.Lookup(unix.SYS_FUTEX).Timeout.Read(&args, b.mem)
	if !ok {
		r.Rewind(unix.SYS_FUTEX)
		return
	}
	b.wait = &image.PendingCall{Nr: unix.SYS_FUTEX, Args: args, Until: clockNow(monotonicClock) + int64(time.Until(b.slept.sinceWhen(unix.SYS_FUTEX).Add(limit)))}
}

// waitOn lets the body wait for the futex in the program's stead; its memory is here.
func (b *body) waitOn(w *image.PendingCall) error {
	buffers, at := b.loop.Buffers()
	words := abi.TimespecOf(w.Until)
	copy(buffers[futexOffset:], words[:])
	c := &call{b: b, plan: abi.Call{Nr: unix.SYS_FUTEX, Args: w.Args}, row: abi.Lookup(unix.SYS_FUTEX), nr: unix.SYS_FUTEX,
		args: abi.FutexUntil(w.Args, at+futexOffset), futex: w, mask: b.user.Mask}
	b.wait = nil
	b.mu.Lock()
	b.call, b.state = c, lingering
	b.mu.Unlock()
	*b.in.Mask() = closedMask
	if err := b.endSession(); err != nil {
		return err
	}
	if err := b.task.Cont(0); err != nil {
		return err
	}
	b.settleCut()
	c.begin(closedMask)
	return nil
}

// settleCut waits until the body has noticed that it was taken out of a call, so
// that its slot is free for the next one.
func (b *body) settleCut() {
	if b.cut {
		b.slot.Wait(stopLimit)
	}
	b.cut = false
}

// takeWait takes the body out of the futex wait that it does for the program, which
// is about to leave with its memory. In a session.
func (b *body) takeWait() {
	c := b.call
	if c == nil || c.futex == nil {
		return
	}
	r := b.in.Regs()
	switch place := b.slot.At(r); {
	case c.done:
		b.user.Regs.Skip(c.ret)
	case place == tracer.PlaceInCall && !interrupted(r):
		b.user.Regs.Skip(r.Result())
	case place == tracer.PlaceAfterCall:
		b.user.Regs.Skip(0) // a wake-up without a cause, at worst: programs look again (man 2 futex)
	default:
		b.wait = c.futex
	}
	r.LeaveSyscall()
	b.mu.Lock()
	b.call = nil
	b.mu.Unlock()
	b.cut = true
}
