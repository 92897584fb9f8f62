package deputy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/control"
)

// moveTo moves the process; afterwards it is there, or where it was.
func (b *body) moveTo(to destination, done *control.Done) error {
	b.moving.Lock()
	defer b.moving.Unlock()
	b.using.RLock()
	defer b.using.RUnlock()
	for {
		if err := b.moveOnce(to, done); !errors.Is(err, errReplaced) {
			return err
		}
	}
}

// moveOnce is moveTo for the program that the process is now.
func (b *body) moveOnce(to destination, done *control.Done) error {
	from := b.place()
	switch {
	case b.now() == ended:
		return fmt.Errorf("no process %d", b.pid)
	case from == to.node:
		return nil
	case b.isFrozen():
		return errFrozen
	case to.node == wire.Home:
		return b.goHome(done)
	case from == wire.Home:
		return b.goOut(to, done)
	}
	return b.goOnward(to, done)
}

// goOut moves the process from home to a node.
func (b *body) goOut(to destination, done *control.Done) error {
	p, err := b.d.reach(to)
	if err != nil {
		return err
	}
	if err := b.prepareOut(p); err != nil {
		return b.notOut(err)
	}
	begin := time.Now()
	if err := b.on(b.park); err != nil {
		return b.notOut(err)
	}
	sent := p.link.Sent()
	if err := b.sendOut(p); err != nil {
		return b.notOut(b.abandon(p, err))
	}
	if b.own.Load().inUse() {
		return b.notOut(b.abandon(p, &pinnedError{isUsed}))
	}
	if err := b.commitOut(p); err != nil {
		return b.notOut(b.abandon(p, err))
	}
	b.watchOwn()
	defer b.decided()
	done.Bytes, done.Freeze = p.link.Sent()-sent, time.Since(begin)
	if err := b.near(b.strip); err != nil {
		b.d.log.Warn().Int("pid", int(b.pid)).Err(err).Msg("memory not given back")
	}
	b.count(done)
	close(b.ready)
	b.report()
	return nil
}

// prepareOut does what can be done while the program still runs: find out that it
// cannot move, and send the files that it maps.
func (b *body) prepareOut(p *peer) error {
	if b.now() != native {
		return nil
	}
	if err := b.awaitChild(); err != nil {
		return err
	}
	s := &snapshot.Subject{LocalPid: abi.LocalPid(b.pid)}
	if reason := snapshot.Movable(s); reason != "" {
		return &pinnedError{reason}
	}
	if reason := b.d.lookReason(b.pid); reason != "" {
		return &pinnedError{reason}
	}
	if err := b.takeOwn(s); err != nil {
		return err
	}
	return b.sendAhead(p)
}

// awaitChild waits for a child that runs in the memory of the process: it may be about to
// trace it, which it could not while we do.
func (b *body) awaitChild() error {
	for until := time.Now().Add(childLimit); ; time.Sleep(time.Millisecond) {
		switch reason := snapshot.ChildReason(abi.LocalPid(b.pid)); {
		case reason == "":
			return nil
		case time.Now().After(until):
			return &pinnedError{reason}
		}
	}
}

// childLimit bounds that wait: more than a vfork takes, or a search for leaks as a rule.
const childLimit = 300 * time.Millisecond

// notOut lets the process go on at home after a failed move. One that is ending has
// failed to move for no other reason.
func (b *body) notOut(cause error) error {
	var why *pinnedError
	switch {
	case snapshot.Ending(abi.LocalPid(b.pid)):
		cause = fmt.Errorf("no process %d", b.pid)
	case errors.As(cause, &why):
		b.setPinned(why.reason)
		b.report()
	}
	b.dropOwn()
	err := b.on(func() error {
		if b.now() == parked {
			return b.land()
		}
		return nil
	})
	if err != nil && !errors.Is(err, tracer.ErrGone) {
		b.d.log.Error().Int("pid", int(b.pid)).Err(err).Msg("not released")
	}
	return cause
}

func (b *body) setPinned(reason string) {
	b.mu.Lock()
	changed := b.pinned != reason
	b.pinned = reason
	b.mu.Unlock()
	if changed && reason != "" {
		b.tell("pinned", reason)
	}
}

// sendOut sends the parked process's image and waits until it is rebuilt.
func (b *body) sendOut(p *peer) error {
	b.mu.Lock()
	b.inc++
	b.mu.Unlock()
	var img *image.Image
	var s *snapshot.Subject
	err := b.near(func() (err error) {
		s = b.subject()
		if reason := snapshot.Movable(s); reason != "" {
			return &pinnedError{reason}
		}
		if reason := b.d.lookReason(b.pid); reason != "" {
			return &pinnedError{reason}
		}
		if err := b.takeOwn(s); err != nil {
			return err
		}
		if err := b.watchMapped(); err != nil {
			return err
		}
		img, err = snapshot.Take(s)
		return err
	})
	if err == nil {
		err = snapshot.TakeCPUs(img) // after it has its own ones back
	}
	if err != nil {
		return err
	}
	b.sent = img
	img.Process.Clock.Realtime = b.d.homeClock().Realtime
	img.Signals.AtHome = signalfdSets(b.pid)
	b.addKept(img)
	x := b.open(p)
	defer x.close()
	if err := x.send(b.header(wire.TypeImage), img); err != nil {
		return err
	}
	if err := b.sendFiles(p, img); err != nil {
		return err
	}
	trailer, err := b.sendPages(p, s, img)
	if err != nil {
		return err
	}
	if err := p.link.Send(b.header(wire.TypeTrailer), &trailer); err != nil {
		return err
	}
	return x.awaitRebuilt()
}

// sendPages sends the contents of the process's memory.
func (b *body) sendPages(p *peer, s *snapshot.Subject, img *image.Image) (image.Trailer, error) {
	c := image.NewCompressor(p.speed.Load())
	defer func() { p.speed.Store(c.Link()) }()
	return snapshot.Pages(s, img, c, func(batch *image.Batch) error {
		begin := time.Now()
		defer func() { c.Sent(len(batch.Data), time.Since(begin)) }()
		return p.link.Send(b.header(wire.TypeBatch), batch, batch.Data)
	})
}

// addKept puts signals taken off the process, its interrupted calls, and what it has
// used away into the image. Signals that have come since stay here: they are relayed. So
// do those that are read from a descriptor.
func (b *body) addKept(img *image.Image) {
	atHome := img.Signals.AtHome
	img.Signals.Pending = rawSignals(outside(b.kept, atHome))
	img.Process.Away = b.used
	for i, t := range b.tasks {
		to := &img.Tasks[i]
		to.Away = t.used
		to.Pending = rawSignals(outside(t.kept, atHome))
		to.Call = image.PendingCall{Nr: -1}
		if c := t.current(); c != nil {
			to.Call = image.PendingCall{Nr: int64(c.number()), Args: c.asMade()}
		} else if t.wait != nil {
			to.Call = *t.wait
		}
	}
}

// outside are the signals of a list that are not in a set.
func outside(list []tracer.Siginfo, set uint64) []tracer.Siginfo {
	return slices.DeleteFunc(slices.Clone(list), func(info tracer.Siginfo) bool { return set&(1<<(info.Signal()-1)) != 0 })
}

func rawSignals(kept []tracer.Siginfo) (raw [][]byte) {
	for _, info := range kept {
		raw = append(raw, append([]byte(nil), info[:]...))
	}
	return raw
}

// abandon tells the peer that the move is off: a guest that it may have made goes.
func (b *body) abandon(p *peer, cause error) error {
	p.link.Send(b.header(wire.TypeAbandon), &wire.Reason{Text: cause.Error()})
	return p.explain(cause)
}

// awaitRebuilt waits until the guest stands ready.
func (x *exchange) awaitRebuilt() error {
	p := x.peer
	f, err := x.receive()
	if err != nil {
		return err
	}
	var r wire.Rebuilt
	if f.Type != wire.TypeRebuilt {
		return fmt.Errorf("node %v answers %v instead of rebuilt", p.node, f.Type)
	}
	if err := f.Decode(&r); err != nil {
		return err
	}
	if r.Failure != "" {
		return fmt.Errorf("node %v: %s", p.node, r.Failure)
	}
	return nil
}

// commitOut is the point of no return: from here on the guest may run. A Go that
// could not be sent has not arrived, and the process is still at home.
func (b *body) commitOut(p *peer) error {
	b.mu.Lock()
	if b.state == ended {
		b.mu.Unlock()
		return errEnded
	}
	b.state, b.peer, b.ready, b.deciding = away, p, make(chan struct{}), true
	b.pinned = "" // before the guest runs: it may have a reason at once
	b.mu.Unlock()
	err := p.link.Send(b.header(wire.TypeGo), nil)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil && b.state == away {
		b.state, b.peer, b.deciding = parked, nil, false
	}
	return err
}

// strip gives the body's memory back and makes it ready for the guest's calls.
// On the tracer's thread.
func (b *body) strip() error {
	b.openMask, b.halted = b.sent.Signals.AtHome, false
	stay := b.leaveKept()
	var keep []abi.Region
	for _, t := range b.tasks {
		t.wait = nil // the guest's now
		keep = append(keep, t.current().pages()...)
	}
	failed := errors.Join(stay, snapshot.Strip(b.subject(), b.sent, keep))
	b.sent = nil
	for _, t := range b.tasks {
		failed = errors.Join(failed, t.serveAway())
	}
	return failed
}

// serveAway lets a stopped task idle in its loop, or go on with its call.
func (t *task) serveAway() error {
	b, c := t.b, t.current()
	if c.busy() {
		t.slot.IdleMask(b.openMask)
	} else {
		*t.in.Mask() = b.openMask
		t.slot.Masks(b.openMask, b.openMask)
	}
	if err := t.endSession(); err != nil {
		return err
	}
	err := t.passOver()
	t.settleCut()
	c.goOn()
	return err
}

// count takes note of a completed move before the end of the process can be told.
func (b *body) count(done *control.Done) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.moves++
	b.stats.freeze += done.Freeze
	b.stats.bytes += done.Bytes
}
