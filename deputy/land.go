package deputy

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/wire"
)

// land gives the process, whose memory is at home, back to the program. A task that
// is in a call which can be handed over makes it itself from now on; otherwise it
// lingers in its loop until the call has ended. All tasks are in a session, but for those
// that could not be held: they linger as they did. On the tracer's thread.
func (b *body) land() error {
	free, stay, err := b.prepareLanding()
	return errors.Join(err, release(free, stay))
}

// prepareLanding is all of it but to release the tasks: those that are free, and those that
// stay in the loop.
func (b *body) prepareLanding() (free, stay []*task, err error) {
	held := b.held()
	if len(held) == 0 {
		b.set(lingering)
		return nil, nil, nil
	}
	for _, t := range held {
		lingers, err := t.conclude()
		switch {
		case err != nil:
			return nil, nil, err
		case lingers:
			stay = append(stay, t)
		default:
			free = append(free, t)
		}
	}
	if err := b.requeue(); err != nil {
		return nil, nil, err
	}
	b.set(lingering)
	if err := held[0].letFork(false); err != nil {
		return nil, nil, err
	}
	if len(free) == len(b.tasks) {
		if err := held[0].removeWindow(); err != nil {
			return nil, nil, err
		}
		b.set(native)
	}
	return free, stay, nil
}

// held are the tasks in a session.
func (b *body) held() (held []*task) {
	for _, t := range b.tasks {
		if t.in != nil {
			held = append(held, t)
		}
	}
	return held
}

// release gives tasks back to the program; their registers are in task.user. Others
// linger. None runs before all are ready, for what the first one does may be an exec, and
// that ends the others. The leader goes first: the new program has its number.
func release(free, stay []*task) (failed error) {
	for _, t := range free {
		failed = errors.Join(failed, t.leave())
	}
	return errors.Join(failed, lingerAll(stay), letGo(free))
}

func lingerAll(tasks []*task) (failed error) {
	for _, t := range tasks {
		failed = errors.Join(failed, t.linger())
	}
	return failed
}

// conclude finishes what the task was in when its process left, as far as it has
// ended or can be handed over. It tells whether the task must linger.
func (t *task) conclude() (lingers bool, err error) {
	c := t.current()
	if err := t.restoreParts(c); err != nil {
		return false, err
	}
	switch {
	case c == nil:
		return t.wait != nil, nil
	case c.done:
		lingers, err = t.giveOutcome(c)
	case !c.begun && (t.user.Regs.Result() == rawInterrupted || c.moved > 0):
		return true, nil
	case !c.begun:
		// The program was stopped in it and it has not been made since: its own
		// registers say how it goes on.
	default:
		var handed bool
		if handed, err = t.handOver(c); err == nil && !handed {
			lingers, err = t.stillIn(c)
		}
	}
	if err == nil && !lingers {
		t.setCall(nil)
	}
	return lingers, err
}

// stillIn tells whether a call that cannot be handed over goes on; otherwise its
// outcome has come just now.
func (t *task) stillIn(c *call) (bool, error) {
	t.b.mu.Lock()
	c.peer = nil
	over := c.done
	t.lingering = !over
	t.b.mu.Unlock()
	if over {
		return t.giveOutcome(c)
	}
	return true, nil
}

// giveOutcome gives the program the outcome of a call that has ended, if that is the end of
// its own one, too. It tells whether the task must linger.
func (t *task) giveOutcome(c *call) (lingers bool, err error) {
	switch {
	case c.flags&wire.More != 0:
		return t.goOnWithRest(c.ret), nil
	case c.flags&wire.Whole != 0:
		return false, nil // the program makes it itself
	}
	return false, t.deliverOutcome(c)
}

// landNow lands a lingering task whose call has ended. On the tracer's thread.
func (t *task) landNow() error {
	if !t.lingering {
		return nil
	}
	if err := t.hold(); err != nil {
		return err
	}
	return t.landHeld()
}

// landHeld is landNow for a task in a session.
func (t *task) landHeld() error {
	err := t.landLate()
	if err != nil && !errors.Is(err, tracer.ErrGone) {
		t.b.d.log.Error().Int("pid", int(t.b.pid)).Int("tid", int(t.tid)).Err(err).Msg("not landed")
	}
	t.b.d.forget(t.b)
	return err
}

func (t *task) landLate() error {
	b := t.b
	b.mu.Lock()
	t.lingering = false
	b.mu.Unlock()
	lingers, err := t.conclude()
	if err = errors.Join(err, t.requeue()); err != nil || lingers {
		return errors.Join(err, t.linger())
	}
	if !slices.ContainsFunc(b.tasks, func(t *task) bool { return t.lingering }) {
		if err := t.removeWindow(); err != nil {
			return err
		}
		b.set(native)
	}
	return release([]*task{t}, nil)
}

// restoreParts writes back what the call that the body is in has given to the
// program's own memory so far: meanwhile that was replaced by the guest's.
func (t *task) restoreParts(c *call) error {
	if !c.busy() || !c.original || c.moved == 0 {
		return nil
	}
	c.outs = c.outsOf(c.moved)
	return t.writeOuts(c)
}

// writeOuts writes what a call has given back into the program's memory.
func (t *task) writeOuts(c *call) error {
	for i, n := range c.outs {
		if n == 0 {
			continue
		}
		var failed error
		c.plan.Spans(i, n, func(from, to uint32) {
			if _, err := t.b.mem.WriteAt(c.data[i][from:to], c.plan.Regions[i].Addr+abi.Addr(from)); err != nil {
				failed = fmt.Errorf("outcome of call %d: %w", c.plan.Nr, err)
			}
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

// deliverOutcome puts the result of a call where the program expects it.
func (t *task) deliverOutcome(c *call) error {
	if err := t.writeOuts(c); err != nil {
		return err
	}
	r := &t.user.Regs
	r.SetResult(c.ret)
	waitsForSignal := c.plan.Nr == unix.SYS_RT_SIGTIMEDWAIT || c.setsMask() // made again, it takes the signal
	if waitsForSignal && c.ret == rawInterrupted && !c.halted {
		r.SetResult(restartNoHand) // a signal waits for it, or is handled and ends it
		r.OrigRax = c.number()
		return nil
	}
	switch c.ret {
	case restartSys, restartNoIntr, restartNoHand:
		r.OrigRax = c.number()
	case restartBlock:
		r.SetResult(rawInterrupted)
		r.LeaveSyscall()
	default:
		r.LeaveSyscall()
	}
	return nil
}

// handOver turns a call that the body is in into the program's own, if the kernel
// can restart it with the program's pointers. In a session.
func (t *task) handOver(c *call) (bool, error) {
	r := t.in.Regs()
	place := t.slot.At(r)
	code := r.Result()
	if place == tracer.PlaceInCall && interrupted(r) && c.mustRenew(code) {
		c.fixDeadline()
	}
	relative := c.row.Timeout.Relative(&c.plan.Args)
	switch {
	case t.endsWhenLetGo(c):
		return false, nil
	case c.before+c.moved == 0 && c.deadline.IsZero() && (place == tracer.PlaceBeforeCall || place == tracer.PlaceIdle):
		code = c.unmade()
	case place != tracer.PlaceInCall || !interrupted(r):
		return false, nil // it has just ended: its outcome is on its way
	case !c.deadline.IsZero() || c.before+c.moved > 0:
		return false, nil
	case (code == restartBlock || code == rawInterrupted) && relative:
		return false, nil
	case code == restartBlock || code == rawInterrupted:
		code = restartNoHand
	}
	// select and its like have left the time that remains with what they return.
	c.outs = c.outsOf(code)
	if err := t.writeOuts(c); err != nil {
		return false, err
	}
	t.user.Regs.SetResult(code)
	t.user.Regs.OrigRax = c.number()
	return true, nil
}

// endsWhenLetGo tells of a call with a signal mask of its own that it would end when its task is
// let go: the task is taken into the call first (EnterCall), and is woken up there
// (kernel/ptrace.c, __ptrace_unlink). Most calls restart then.
func (t *task) endsWhenLetGo(c *call) bool {
	args := c.asMade()
	_, masked := c.row.Mask.Read(&args, t.b.mem)
	return masked && c.row.Interrupt&abi.RawEINTR != 0
}

// unmade is how a call goes on that the program is in and that was not made: a signal that
// is handled now ends what only waits. What may also do something is made then, as if the
// signal had come before.
func (c *call) unmade() int64 {
	if c != nil && c.row != nil && (c.futex != nil || !c.deadline.IsZero() || c.row.OnlyWaits()) {
		return restartNoHand
	}
	return restartNoIntr
}

// linger lets the task go on with its call, or makes the one that its own kernel
// does not make again: it ends here, on time.
func (t *task) linger() error {
	if err := t.putAside(); err != nil {
		return err
	}
	t.b.mu.Lock()
	t.lingering = true
	t.b.mu.Unlock()
	c := t.current()
	switch {
	case c == nil:
		return t.waitOn(t.wait)
	case c.begun:
		mask := t.user.Mask
		if c.setsMask() {
			mask = c.mask
		}
		switch place := t.slot.At(t.in.Regs()); {
		case c.row == nil || !c.row.Blocks(&c.args) || place == tracer.PlaceAfterCall || !t.slot.Busy():
			*t.in.Mask() = closedMask // it idled with an open mask: signals of the program are not for it to take
		case place != tracer.PlaceInCall:
			*t.in.Mask() = mask
		case c.plan.Nr == unix.SYS_RT_SIGTIMEDWAIT:
			// It is made again. Away, what it waits for was open; but a task that nobody
			// traces must block that, or its default action ends the process (man 2 sigtimedwait).
			*t.in.Mask() = t.user.Mask
		default:
			*t.in.Mask() = c.mask | t.b.openMask // without what was blocked against a flood
		}
		t.slot.Masks(mask, closedMask)
		return errors.Join(t.endSession(), t.passOver())
	}
	*t.in.Mask() = closedMask
	if err := errors.Join(t.endSession(), t.passOver()); err != nil {
		return err
	}
	c.begin(closedMask)
	return nil
}
