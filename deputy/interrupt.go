package deputy

import (
	"encoding/binary"
	"slices"

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
// restart code in the registers. unnoticed is what body.unnoticed says. On the tracer's
// thread.
func (t *task) noteInterrupted(unnoticed uint64) error {
	r := &t.user.Regs
	r.UndoRestart(t.b.mem)
	if r.Nr() < 0 || !interrupted(r) && r.Result() <= 0 {
		return nil
	}
	nr := uint64(r.Nr())
	if nr == unix.SYS_RESTART_SYSCALL && r.Result() == restartBlock {
		if nr = t.restarted(); nr == unix.SYS_RESTART_SYSCALL {
			return &pinnedError{"goes on with a wait that was interrupted before"}
		}
	}
	if nr == unix.SYS_FUTEX && r.Result() == restartBlock {
		t.noteFutex()
		return nil
	}
	row := abi.Lookup(nr)
	if row == nil {
		return nil
	}
	args, mask, temp := row.Mask.Take(r.Args(), t.b.mem)
	plan, _, refusal := abi.Plan(nr, args, t.b.mem)
	if refusal != "" || row.Place(&args) != abi.Home {
		return nil
	}
	c := &call{b: t.b, t: t, plan: plan, row: row, nr: plan.Nr, args: args, whole: args, original: true, mask: t.user.Mask,
		since: t.slept.sinceWhen(plan.Nr)}
	if !interrupted(r) {
		if c.args, _ = c.rest(r.Result()); c.moved == 0 {
			return nil // it has ended
		}
	}
	if temp {
		c.mask = mask
		if row.Blocks(&args) && t.lets(mask) {
			c.hurry()
		}
	}
	c.mask = (c.mask | unnoticed) &^ abi.Continues
	if r.Result() == restartBlock {
		c.nr = unix.SYS_RESTART_SYSCALL
	}
	c.fixDeadline()
	t.setCall(c)
	return nil
}

// lets tells whether a signal waits for the stopped task that mask does not block and that
// the program takes notice of.
func (t *task) lets(mask uint64) bool {
	waiting := append(t.b.kept[:len(t.b.kept):len(t.b.kept)], t.kept...)
	for _, shared := range []bool{false, true} {
		if pending, err := t.k.PeekPending(shared); err == nil {
			waiting = append(waiting, pending...)
		}
	}
	mask |= t.b.unnoticed()
	return slices.ContainsFunc(waiting, func(info tracer.Siginfo) bool { return mask&(1<<(info.Signal()-1)) == 0 })
}

// restarted finds out which call the program goes on with by restart_syscall: it was
// stopped in it before, by SIGSTOP for one, and its own kernel knows the rest. Arguments
// are still in the registers; the number is in the instruction before the call, if that
// is `mov $number, %eax`. Otherwise it is that of restart_syscall.
func (t *task) restarted() uint64 {
	const move, length = 0xb8, 7 // with the `syscall` behind it
	var code [length]byte
	if _, err := t.b.mem.ReadAt(code[:], t.user.Regs.PC()-length); err != nil || code[0] != move {
		return unix.SYS_RESTART_SYSCALL
	}
	switch nr := uint64(binary.LittleEndian.Uint32(code[1:])); nr {
	case unix.SYS_POLL, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_FUTEX:
		return nr
	}
	return unix.SYS_RESTART_SYSCALL
}

// passOver lets a stopped task go on as if it had not been stopped: the kernel
// restarts most calls by itself, the others are made again here, and so is the rest of
// one that was cut short. On the tracer's thread.
func (t *task) passOver() error {
	r, err := t.k.Regs()
	if err != nil {
		return err
	}
	c := t.current()
	switch {
	case t.slot.At(&r) != tracer.PlaceInCall || c == nil:
	case !interrupted(&r):
		if !t.k.InGroupStop() && c.goOnShort(&r) {
			if err := t.k.SetRegs(r); err != nil {
				return err
			}
		}
	case c.mustRenew(r.Result()):
		if t.k.InGroupStop() && c.endsByStop(r.Result()) {
			r.LeaveSyscall()
		} else {
			c.fixDeadline()
			nr, args := c.remaining(uint64(r.Nr()), r.Args())
			r.SetArgs(args)
			r.Rewind(nr)
		}
		if err := t.k.SetRegs(r); err != nil {
			return err
		}
	}
	return t.goOn()
}

// interruptCall takes the task out of the call with the given number, if it is
// still in it: a signal waits for the guest. The outcome is the restart code, and
// the guest's kernel makes of it what it must.
func (t *task) interruptCall(seq uint64) {
	b := t.b
	b.d.tracer.Post(func() {
		b.mu.Lock()
		c := t.call
		current := c != nil && c.seq == seq && !c.done && !c.woken && b.state == away
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
		r.SetResult(t.current().unmade())
		r.LeaveSyscall()
		err = t.k.SetRegs(r)
	}
	if err != nil {
		return err
	}
	return t.goOn()
}
