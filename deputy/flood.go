package deputy

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/wire"
)

// A timer may expire again as soon as its signal has been taken, and the body takes each at
// once: the guest says what a signal does. Of a timer whose period is shorter than that takes
// the body would do nothing else, and the guest would fall behind. So the body blocks such a
// signal for a while after some of them, until the guest has handled those: the kernel counts
// in the one that is pending what expires meanwhile (man timer_getoverrun).

// Signals of timers are a flood when so many in a row come within floodGap of each other, or
// before the body has gone on with a call. Their number is blocked for hushTime then, and as
// long again until the guest is abreast, but not more than hushMost times: a move may have taken
// the question away.
const (
	floodGap   = time.Millisecond
	floodLimit = 8
	hushTime   = 4 * time.Millisecond
	hushMost   = 50
)

// flood is what a task has met of signals of timers.
type flood struct {
	last  time.Time
	row   int  // in a row
	asked bool // the guest is not abreast yet
}

// hush takes note of a signal at which the task stands, and blocks its number for a while if
// it is one of a flood.
func (t *task) hush(info *tracer.Siginfo) {
	if _, ok := info.Timer(); !ok && (info.Signal() != int(unix.SIGALRM) || info.Code() != byKernel) {
		return
	}
	now := time.Now()
	if now.Sub(t.flood.last) < floodGap || t.waitsForCall() {
		t.flood.row++
	} else {
		t.flood.row = 0
	}
	if t.flood.last = now; t.flood.row < floodLimit {
		return
	}
	t.flood.row = 0
	if t.setBlocked(info.Signal(), true) == nil {
		t.askAbreast()
		t.letLater(hushTime, info.Signal(), 1)
	}
}

// askAbreast asks the guest whether it has handled what it was sent.
func (t *task) askAbreast() {
	if p := t.b.peerNow(); p != nil {
		h := t.b.header(wire.TypeAbreast)
		h.Tid = t.tid
		t.flood.asked = p.link.Send(h, nil) == nil
	}
}

// waitsForCall tells whether the task, which stands still, is on its way to or from a call.
func (t *task) waitsForCall() bool {
	r, err := t.k.Regs()
	return err == nil && t.slot.Busy() && t.slot.At(&r) != tracer.PlaceInCall
}

// setBlocked blocks a signal in the task, which stands still, or blocks it no more than the
// task does where it stands: a call may have been made since.
func (t *task) setBlocked(sig int, blocked bool) error {
	bit := uint64(1) << (sig - 1)
	mask, err := t.k.SigMask()
	if err != nil {
		return err
	}
	if blocked {
		return t.k.SetSigMask(mask | bit)
	}
	r, err := t.k.Regs()
	if err != nil {
		return err
	}
	return t.k.SetSigMask(mask&^bit | t.slot.MaskAt(&r)&bit)
}

// letLater lets a signal that is blocked come again after a while; it has been blocked that
// many times in a row.
func (t *task) letLater(after time.Duration, sig, times int) {
	time.AfterFunc(after, func() { t.b.d.tracer.Post(func() { t.let(sig, times) }) })
}

// let is letLater when the while is over. On the tracer's thread.
func (t *task) let(sig, times int) {
	switch {
	case t.b.now() != away || t.k == nil || t.slot == nil:
		return // the program has its own mask
	case t.in != nil || t.flood.asked && times < hushMost:
		t.letLater(hushTime, sig, times+1)
		return
	}
	if err := t.stop(); err != nil {
		if !errors.Is(err, tracer.ErrGone) { // it does not stop just now
			t.letLater(stopLimit, sig, times)
		}
		return
	}
	_ = t.setBlocked(sig, false) // if it is gone, its end is told by its stop
	t.relayDeferred()
	_ = t.passOver()
}
