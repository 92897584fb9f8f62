package remote

import (
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
)

// leave stops the guest and sends its image. It stays, frozen, until home has
// decided.
func (g *guest) leave() {
	if g.state == held || !g.halt() || g.state != running && g.state != waiting {
		g.x.send(g.answer(wire.TypeAbandon), &wire.Reason{Text: "the process is stopped"})
		return
	}
	if err := g.sendImage(); err != nil {
		g.x.log.Error().Int("pid", int(g.pid)).Err(err).Msg("image not sent")
		g.x.send(g.answer(wire.TypeAbandon), &wire.Reason{Text: err.Error()})
		g.thaw()
	}
}

func (g *guest) sendImage() error {
	u := g.usage()
	g.x.send(g.header(wire.TypeUsage), &u) // the last word of this stay
	was := g.state
	g.state = frozen
	g.thawTo = was
	call, err := g.standStill(was)
	if err != nil {
		return err
	}
	s := g.newSubject(g.injecting())
	img, err := snapshot.Take(s)
	if err != nil {
		return err
	}
	img.Tasks[0].Call = call
	for _, info := range g.task.TakeDeferred() {
		img.Signals.Pending = append(img.Signals.Pending, info[:])
	}
	img.Limits = g.image.Limits
	g.x.send(g.answer(wire.TypeImage), img)
	c := image.NewCompressor(g.x.speed)
	t, err := snapshot.Pages(s, img, c, func(b *image.Batch) error {
		begin := time.Now()
		defer func() { c.Sent(len(b.Data), time.Since(begin)) }()
		return g.x.link.Send(g.answer(wire.TypeBatch), b, b.Data)
	})
	g.x.speed = c.Link()
	if err != nil {
		return err
	}
	g.x.send(g.answer(wire.TypeTrailer), &t)
	return nil
}

// standStill brings the stopped guest to where it may be moved, and puts what the
// program sees of its processor into g.user.
func (g *guest) standStill(was state) (call image.PendingCall, err error) {
	call.Nr = -1
	nr := uint64(uint32(g.regs.OrigRax))
	if was == waiting {
		if err := g.settleStop(); err != nil {
			return call, err
		}
		g.user.Regs = g.regs
		if g.homing || g.mapping != nil {
			g.user.Regs.Rewind(nr)
			g.mapping = nil
		} else {
			call = image.PendingCall{Nr: int64(g.call.Nr), Args: g.regs.Args()}
			g.user.Regs.OrigRax = g.call.Nr
			code := int64(restartNoIntr)
			g.user.Regs.SetResult(code)
		}
	} else if call, err = g.settleComputing(); err != nil {
		return call, err
	}
	g.user.Mask, err = g.task.SigMask()
	return call, err
}

// settleComputing is standStill for a guest in no forwarded call.
func (g *guest) settleComputing() (call image.PendingCall, err error) {
	areas, err := tracer.ReadAreasQuick(g.task.Tid)
	if err != nil {
		return call, err
	}
	if err := snapshot.Settle(g.task, g.mem.Memory, areas); err != nil {
		return call, err
	}
	r, err := g.task.Regs()
	if err != nil {
		return call, err
	}
	call.Nr = -1
	if r.Result() == restartBlock && (r.Nr() == unix.SYS_FUTEX || r.Nr() == unix.SYS_RESTART_SYSCALL) {
		if g.until != 0 {
			call = image.PendingCall{Nr: unix.SYS_FUTEX, Args: r.Args(), Until: g.until}
		} else {
			r.Rewind(unix.SYS_FUTEX) // its limit is a moment: it is made again
		}
	}
	g.regs, g.user.Regs = r, r
	return call, nil
}

// thaw lets a frozen guest go on here.
func (g *guest) thaw() {
	if g.state != frozen {
		return
	}
	if g.thawTo == waiting {
		if g.homing {
			g.state = waiting
			return
		}
		g.state = waiting
		g.resume(g.call.Nr, g.regs.Args())
		return
	}
	if err := g.task.SetRegs(g.user.Regs); err != nil {
		return
	}
	g.cont(0)
}
