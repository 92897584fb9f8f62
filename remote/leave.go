package remote

import (
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
)

// leave stops the guest and sends its image. It stays, frozen, until home has
// decided. One that waits for its child leaves when that has exec'd or ended.
func (g *guest) leave() {
	switch {
	case g.stage == alive && g.awaits():
		g.late = true
		return
	case g.shares && !g.leader().homing:
		g.x.send(g.answer(wire.TypeAbandon), &wire.Reason{Text: "the process runs in its parent's memory"})
		return
	case g.stage != alive || !g.haltAll():
		g.x.send(g.answer(wire.TypeAbandon), &wire.Reason{Text: "the process does not run there"})
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
	g.stage = frozen
	for _, t := range g.tasks {
		t.still = false
	}
	calls := make([]image.PendingCall, len(g.tasks))
	for i, t := range g.tasks {
		var err error
		if calls[i], err = t.standStill(); err != nil {
			return err
		}
	}
	g.ownFiles.flush()
	s := g.newSubject(func(t *task) tracer.Caller { return t.injecting() })
	img, err := g.take(s)
	if err != nil {
		return err
	}
	g.addUsed(img)
	for i, t := range g.tasks {
		img.Tasks[i].Call = calls[i]
		if t.unnumbered && img.Tasks[i].Rseq.Addr == 0 {
			img.Tasks[i].Rseq = t.rseq
		}
		g.asHomeAll(img.Tasks[i].Pending)
		img.Tasks[i].Pending = append(t.deferred(), img.Tasks[i].Pending...)
	}
	g.asHomeAll(img.Signals.Pending)
	img.Process.Clock.Realtime = localClock(unix.CLOCK_REALTIME) + g.x.ahead.wall
	img.Limits, img.Signals.AtHome = g.image.Limits, g.atHome
	g.x.send(g.answer(wire.TypeImage), img)
	return g.sendPages(s, img)
}

// take makes the image of the guest.
func (g *guest) take(s *snapshot.Subject) (*image.Image, error) {
	var tids []abi.LocalPid
	for _, t := range g.tasks {
		tids = append(tids, t.k.Tid)
	}
	defer tracer.Near(tids...)()
	return snapshot.Take(s)
}

// deferred are the signals that were taken off the task on the way: it is the one
// that takes them, before all that is pending.
func (t *task) deferred() (raw [][]byte) {
	for _, info := range t.k.TakeDeferred() {
		t.g.asHome(&info)
		raw = append(raw, append([]byte(nil), info[:]...))
	}
	return raw
}

func (g *guest) sendPages(s *snapshot.Subject, img *image.Image) error {
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

// standStill brings the stopped task to where it may be moved, and puts what the
// program sees of its processor into t.user.
func (t *task) standStill() (call image.PendingCall, err error) {
	call.Nr = -1
	if t.suspend != nil {
		t.leaveSuspend()
	}
	nr := uint64(uint32(t.regs.OrigRax))
	before := t.state == running && t.trapped // it has not made the call
	if t.state == waiting || before {
		if err := t.settleStop(); err != nil {
			return call, err
		}
		t.user.Regs = t.regs
		if again := t.regs; before || t.homing || t.mapping != nil || t.birth != nil || isExec(t.call.Nr) || t.g.leaveVdso(&again) {
			if before {
				holdAt(&t.user.Regs, nr)
			} else {
				t.user.Regs.Rewind(nr)
			}
			t.anew, t.mapping, t.birth = !t.homing, nil, nil
		} else {
			call = image.PendingCall{Nr: int64(t.call.Nr), Args: t.regs.Args()}
			t.user.Regs.OrigRax = t.call.Nr
			code := int64(restartNoIntr)
			t.user.Regs.SetResult(code)
		}
	} else if call, err = t.settleComputing(); err != nil {
		return call, err
	}
	t.g.leaveVdso(&t.user.Regs)
	t.still = true
	t.user.Mask, err = t.k.SigMask()
	return call, err
}

// leaveVdso takes a program out of what stands here in the place of functions of its
// vdso, to where it begins them again. It reports whether it was there.
func (g *guest) leaveVdso(r *tracer.Regs) bool {
	v, in := &g.image.Process.Vdso, g.loop.LeaveWall(r)
	return (in != "" || r.PC() >= v.Code && r.PC() < v.End) && snapshot.LeaveVdso(r, g.mem.Memory, v, in)
}

// settleComputing is standStill for a task in no forwarded call.
func (t *task) settleComputing() (call image.PendingCall, err error) {
	areas, err := tracer.ReadAreasQuick(t.g.leader().k.Tid)
	if err != nil {
		return call, err
	}
	r, err := t.k.Regs()
	if err != nil {
		return call, err
	}
	if t.g.leaveVdso(&r) {
		err = t.k.SetRegs(r)
	} else if err = snapshot.Settle(t.k, t.g.mem.Memory, areas); err == nil {
		r, err = t.k.Regs()
	}
	if err != nil {
		return call, err
	}
	call.Nr = -1
	r.UndoRestart(t.g.mem.Memory)
	if r.Result() == restartBlock && (r.Nr() == unix.SYS_FUTEX || r.Nr() == unix.SYS_RESTART_SYSCALL) {
		if t.until != 0 {
			call = image.PendingCall{Nr: unix.SYS_FUTEX, Args: r.Args(), Until: t.until}
		} else {
			r.OrigRax = unix.SYS_FUTEX // its limit is a moment: it is made again, unless a signal is handled
			r.SetResult(restartNoHand)
		}
	}
	t.regs, t.user.Regs = r, r
	return call, nil
}

// thaw lets a frozen guest go on here.
func (g *guest) thaw() {
	g.late = false
	if g.stage != frozen {
		return
	}
	g.stage = alive
	var free []func()
	for _, t := range g.tasks {
		switch {
		case t.state == waiting && !t.anew && !t.homing:
			t.resume(t.call.Nr, t.regs.Args())
		case t.state != waiting || t.anew:
			free = append(free, t.thaw)
		}
	}
	g.letRun(free)
}

// thaw lets a task go on that waits for nothing.
func (t *task) thaw() {
	t.anew = false
	if !t.still || t.k.SetRegs(t.user.Regs) == nil {
		t.noteSuspended()
		t.cont(0)
	}
}
