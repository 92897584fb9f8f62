package deputy

import (
	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// Codes with which the kernel ends an interrupted call (include/linux/errno.h).
const (
	restartSys     = abi.RestartSys
	restartNoIntr  = abi.RestartIntr
	restartNoHand  = abi.RestartHand
	restartBlock   = abi.RestartAgain
	rawInterrupted = abi.Interrupted
)

// interrupted tells whether a stopped task was taken out of its call, so that the
// program must not see the result.
func interrupted(r *tracer.Regs) bool {
	if r.Nr() < 0 {
		return false
	}
	switch r.Result() {
	case restartSys, restartNoIntr, restartNoHand, restartBlock:
		return true
	case rawInterrupted:
		row := abi.Lookup(uint64(r.Nr()))
		return row != nil && row.Interrupt&abi.RawEINTR != 0
	}
	return false
}

// noteInterrupted looks whether the program was in a call when it was stopped, and
// makes a record of it. A call that the guest's own kernel can make is left to the
// restart code in the registers. On the tracer's thread.
func (t *task) noteInterrupted() {
	r := &t.user.Regs
	if r.Nr() < 0 || !interrupted(r) && r.Result() <= 0 {
		return
	}
	if r.Nr() == unix.SYS_FUTEX && r.Result() == restartBlock {
		t.noteFutex()
		return
	}
	row := abi.Lookup(uint64(r.Nr()))
	if row == nil {
		return
	}
	args, mask, temp := row.Mask.Take(r.Args(), t.b.mem)
	plan, _, refusal := abi.Plan(uint64(r.Nr()), args, t.b.mem)
	if refusal != "" || row.Place(&args) != abi.Home {
		return
	}
	c := &call{b: t.b, t: t, plan: plan, row: row, nr: plan.Nr, args: args, whole: args, original: true, mask: t.user.Mask,
		since: t.slept.sinceWhen(plan.Nr)}
	if !interrupted(r) {
		if c.args, _ = c.rest(r.Result()); c.moved == 0 {
			return // it has ended
		}
	}
	if temp {
		c.mask = mask
	}
	c.mask |= t.b.unnoticed()
	if r.Result() == restartBlock {
		c.nr = unix.SYS_RESTART_SYSCALL
	}
	c.fixDeadline()
	t.setCall(c)
}

// passOver lets a stopped task go on as if it had not been stopped: the kernel
// restarts most calls by itself, the others are made again here. On the tracer's
// thread.
func (t *task) passOver() error {
	r, err := t.k.Regs()
	if err != nil {
		return err
	}
	c := t.current()
	if t.slot.At(&r) == tracer.PlaceInCall && c != nil && interrupted(&r) && c.mustRenew(r.Result()) {
		c.fixDeadline()
		nr, args := c.remaining(uint64(r.Nr()), r.Args())
		r.SetArgs(args)
		r.Rewind(nr)
		if err := t.k.SetRegs(r); err != nil {
			return err
		}
	}
	return t.k.Cont(0)
}

// interruptCall takes the task out of the call with the given number, if it is
// still in it: a signal waits for the guest. The outcome is the restart code, and
// the guest's kernel makes of it what it must.
func (t *task) interruptCall(seq uint64) {
	b := t.b
	b.d.tracer.Post(func() {
		b.mu.Lock()
		c := t.call
		current := c != nil && c.seq == seq && !c.done && b.state == away
		b.mu.Unlock()
		if !current || t.stop() != nil {
			return
		}
		if err := t.cutShort(); err != nil {
			b.d.log.Debug().Int("pid", int(b.pid)).Int("tid", int(t.tid)).Err(err).Msg("call not interrupted")
		}
		t.relayDeferred()
	})
}

// cutShort ends the call of a stopped task with the code it was interrupted by.
func (t *task) cutShort() error {
	r, err := t.k.Regs()
	if err != nil {
		return err
	}
	switch place := t.slot.At(&r); {
	case place == tracer.PlaceInCall:
		r.LeaveSyscall()
		err = t.k.SetRegs(r)
	case place == tracer.PlaceBeforeCall || place == tracer.PlaceIdle && t.slot.Busy():
		// It has not come to the call yet: it passes it by.
		r.Rip = uint64(t.b.loop.Insn()) + 2
		code := int64(restartNoIntr)
		r.SetResult(code)
		r.LeaveSyscall()
		err = t.k.SetRegs(r)
	}
	if err != nil {
		return err
	}
	return t.k.Cont(0)
}
