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
func (b *body) noteInterrupted() {
	r := &b.user.Regs
	if b.call != nil && !b.call.done || r.Nr() < 0 || !interrupted(r) && r.Result() <= 0 {
		return
	}
	b.call = nil
	if r.Nr() == unix.SYS_FUTEX && r.Result() == restartBlock {
		b.noteFutex()
		return
	}
	row := abi.Lookup(uint64(r.Nr()))
	if row == nil {
		return
	}
	args, mask, temp := row.Mask.Take(r.Args(), b.mem)
	plan, _, refusal := abi.Plan(uint64(r.Nr()), args, b.mem)
	if refusal != "" || row.Place(&args) != abi.Home {
		return
	}
	c := &call{b: b, plan: plan, row: row, nr: plan.Nr, args: args, whole: args, original: true, mask: b.user.Mask,
		since: b.slept.sinceWhen(plan.Nr)}
	if !interrupted(r) {
		if c.args, _ = c.rest(r.Result()); c.moved == 0 {
			return // it has ended
		}
	}
	if temp {
		c.mask = mask
	}
	c.mask |= b.unnoticed()
	if r.Result() == restartBlock {
		c.nr = unix.SYS_RESTART_SYSCALL
	}
	c.fixDeadline()
	b.mu.Lock()
	b.call = c
	b.mu.Unlock()
}

// passOver lets a stopped body go on as if it had not been stopped: the kernel
// restarts most calls by itself, the others are made again here. On the tracer's
// thread.
func (b *body) passOver() error {
	r, err := b.task.Regs()
	if err != nil {
		return err
	}
	b.mu.Lock()
	c := b.call
	b.mu.Unlock()
	if b.slot.At(&r) == tracer.PlaceInCall && c != nil && interrupted(&r) && c.mustRenew(r.Result()) {
		c.fixDeadline()
		nr, args := c.remaining(uint64(r.Nr()), r.Args())
		r.SetArgs(args)
		r.Rewind(nr)
		if err := b.task.SetRegs(r); err != nil {
			return err
		}
	}
	return b.task.Cont(0)
}

// interruptCall takes the body out of the call with the given number, if it is
// still in it: a signal waits for the guest. The outcome is the restart code, and
// the guest's kernel makes of it what it must.
func (b *body) interruptCall(seq uint64) {
	b.d.tracer.Post(func() {
		b.mu.Lock()
		c := b.call
		current := c != nil && c.seq == seq && !c.done && b.state == away
		b.mu.Unlock()
		if !current || b.task == nil {
			return
		}
		if _, err := b.task.StopWithin(stopLimit); err != nil {
			return
		}
		if err := b.cutShort(); err != nil {
			b.d.log.Debug().Int("pid", int(b.pid)).Err(err).Msg("call not interrupted")
		}
		b.relayDeferred()
	})
}

// cutShort ends the call of a stopped body with the code it was interrupted by.
func (b *body) cutShort() error {
	r, err := b.task.Regs()
	if err != nil {
		return err
	}
	switch b.slot.At(&r) {
	case tracer.PlaceInCall:
		r.LeaveSyscall()
		err = b.task.SetRegs(r)
	case tracer.PlaceBeforeCall:
		r.Rip += 2
		code := int64(restartNoIntr)
		r.SetResult(code)
		err = b.task.SetRegs(r)
	}
	if err != nil {
		return err
	}
	return b.task.Cont(0)
}
