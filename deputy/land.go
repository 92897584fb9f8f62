package deputy

import (
	"fmt"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// land gives the process, whose memory is at home, back to the program. If it is
// in a call that can be handed over, the program makes it itself from now on;
// otherwise the process lingers in its loop until the call has ended. The body is
// stopped in its call, or idles. On the tracer's thread.
func (b *body) land() error {
	c := b.call
	if err := b.restoreParts(c); err != nil {
		return err
	}
	switch {
	case c == nil && b.wait != nil:
		return b.waitOn(b.wait)
	case c == nil:
	case c.done:
		if err := b.deliverOutcome(c); err != nil {
			return err
		}
	case !c.begun && (b.user.Regs.Result() == rawInterrupted || c.moved > 0):
		return b.lingerIn(c)
	case !c.begun:
		// The program was stopped in it and it has not been made since: its own
		// registers say how it goes on.
	default:
		if handed, err := b.handOver(c); !handed || err != nil {
			return err
		}
	}
	b.call = nil
	return b.release()
}

// landNow lands a lingering process whose call has ended. On the tracer's thread.
func (b *body) landNow() error {
	if b.now() != lingering {
		return nil
	}
	if err := b.hold(); err != nil {
		return err
	}
	return b.landHeld()
}

// landHeld is landNow for a process in a session.
func (b *body) landHeld() error {
	b.set(parked)
	err := b.land()
	if err != nil && err != tracer.ErrGone {
		b.d.log.Error().Int("pid", int(b.pid)).Err(err).Msg("not landed")
	}
	b.d.forget(b)
	return err
}

// restoreParts writes back what the call that the body is in has given to the
// program's own memory so far: meanwhile that was replaced by the guest's.
func (b *body) restoreParts(c *call) error {
	if !c.busy() || !c.original || c.moved == 0 {
		return nil
	}
	c.outs = c.plan.Outs(c.moved, func(i int) []byte { return c.data[i] })
	return b.writeOuts(c)
}

// writeOuts writes what a call has given back into the program's memory.
func (b *body) writeOuts(c *call) error {
	for i, n := range c.outs {
		if n == 0 {
			continue
		}
		var failed error
		c.plan.Spans(i, n, func(from, to uint32) {
			if _, err := b.mem.WriteAt(c.data[i][from:to], c.plan.Regions[i].Addr+abi.Addr(from)); err != nil {
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
func (b *body) deliverOutcome(c *call) error {
	if err := b.writeOuts(c); err != nil {
		return err
	}
	r := &b.user.Regs
	r.SetResult(c.ret)
	switch c.ret {
	case restartSys, restartNoIntr, restartNoHand:
		r.OrigRax = c.plan.Nr
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
func (b *body) handOver(c *call) (bool, error) {
	r := b.in.Regs()
	place := b.slot.At(r)
	code := r.Result()
	if place == tracer.PlaceInCall && interrupted(r) && c.mustRenew(code) {
		c.fixDeadline()
	}
	relative := c.row.Timeout.Relative(&c.plan.Args)
	switch {
	case c.moved == 0 && (place == tracer.PlaceBeforeCall || place == tracer.PlaceIdle):
		code = restartNoIntr // never made
	case place != tracer.PlaceInCall || !interrupted(r):
		return false, b.linger() // it has just ended: its outcome is on its way
	case !c.deadline.IsZero() || c.moved > 0:
		return false, b.linger()
	case (code == restartBlock || code == rawInterrupted) && relative:
		return false, b.linger()
	case code == restartBlock || code == rawInterrupted:
		code = restartNoHand
	}
	// select and its like have left the time that remains with what they return.
	c.outs = c.plan.Outs(code, func(i int) []byte { return c.data[i] })
	if err := b.writeOuts(c); err != nil {
		return false, err
	}
	b.user.Regs.SetResult(code)
	b.user.Regs.OrigRax = c.plan.Nr
	return true, nil
}

// lingerIn makes a call that the program was stopped in and that its own kernel
// does not make again: it ends here, on time.
func (b *body) lingerIn(c *call) error {
	if err := b.linger(); err != nil {
		return err
	}
	b.slot.Masks(c.mask, closedMask)
	c.start()
	go c.await()
	return nil
}

// linger lets the body go on with its call.
func (b *body) linger() error {
	b.mu.Lock()
	b.call.peer = nil
	late := b.call.done
	if !late {
		b.state = lingering
	}
	b.mu.Unlock()
	if late {
		return b.land()
	}
	b.slot.Masks(b.user.Mask, closedMask)
	if err := b.endSession(); err != nil {
		return err
	}
	return b.passOver()
}
