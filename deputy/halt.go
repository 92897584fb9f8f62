package deputy

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// A process that is stopped (SIGSTOP, Ctrl-Z) is so at home, where its parent looks, and
// its guest stands still. As a rule the guest is the first: it knows what it blocks and
// handles, and what it has done before the stop is done at home then. SIGSTOP may also
// meet the body while it makes calls for us; the kernel stops it at once, because to send
// the signal again would end a SIGCONT that has come since. Then the guest follows, and the
// body serves it until it stands still.

// goOn lets the stopped task go on from where it stands. One of a stopped process stays
// there, as soon as the guest stands still.
func (t *task) goOn() error {
	b := t.b
	switch {
	case !t.k.InGroupStop():
		return t.k.Cont(0)
	case b.now() == away && !b.halted:
		if t == b.leader() && !b.freezing {
			t.relayStop()
		}
		if b.terminal && t.inTerminalCall() {
			return t.k.Listen()
		}
		return t.k.Cont(0)
	case t.cut:
		return t.k.Cont(0) // it has to notice that it was taken out of its call
	}
	return t.k.Listen()
}

// usesTerminal tells whether a signal is the kernel's answer to a call on a terminal by a
// process in its background, and stops it (drivers/tty/tty_jobctrl.c). Made again, as
// interrupted calls are, the call would raise it again, without end: the body stops first.
func (t *task) usesTerminal(info *tracer.Siginfo) bool {
	sig := info.Signal()
	return (sig == int(unix.SIGTTIN) || sig == int(unix.SIGTTOU)) && info.Code() == byKernel && t.b.stopsBy(sig)
}

// inTerminalCall tells whether the stopped task may be in such a call.
func (t *task) inTerminalCall() bool {
	r, err := t.k.Regs()
	return err == nil && t.slot.At(&r) == tracer.PlaceInCall && interrupted(&r)
}

// byKernel is the si_code by which the kernel sends signals (man sigaction, SI_KERNEL).
const byKernel = 0x80

// byHome is the si_code of a SIGSTOP that tells the guest of a stop at home: the kernel
// sends none.
const byHome = byKernel

// relayStop tells the guest that the process has been stopped.
func (t *task) relayStop() {
	var info tracer.Siginfo
	binary.LittleEndian.PutUint32(info[:], uint32(unix.SIGSTOP))
	binary.LittleEndian.PutUint32(info[8:], byHome)
	t.relay(&info, false)
}

// takeStop stops the process, whose guest stands still, unless a SIGCONT has come
// meanwhile. If confirms is set the guest has followed a stop at home. On the tracer's
// thread.
func (b *body) takeStop(sig int, confirms bool) error {
	t := b.leader()
	if err := t.stop(); err != nil {
		return err
	}
	continued, err := t.meets(unix.SIGCONT)
	if err != nil {
		return err
	}
	t.relayDeferred()
	b.terminal = false
	b.halted = !continued && (t.k.InGroupStop() || !confirms)
	if continued || confirms || t.k.InGroupStop() {
		return t.passOver()
	}
	if err := t.endByStop(); err != nil {
		return err
	}
	if err := t.sendDue(sig); err != nil {
		return err
	}
	return t.k.Cont(0)
}

// meets tells whether a signal was met while the task was being stopped, is pending, or is
// kept because the guest's image is on its way.
func (t *task) meets(sig unix.Signal) (bool, error) {
	met := slices.Clone(t.k.Deferred())
	if t.b.freezing {
		met = append(append(met, t.b.kept...), t.kept...)
	}
	if c := t.b.continuation; c != nil {
		met = append(met, c.info)
	}
	for _, shared := range []bool{false, true} {
		pending, err := t.k.PeekPending(shared)
		if err != nil {
			return false, err
		}
		met = append(met, pending...)
	}
	return slices.ContainsFunc(met, func(info tracer.Siginfo) bool { return info.Signal() == int(sig) }), nil
}

// continuation is a SIGCONT that is not relayed yet. The kernel has a process that is
// continued take all signals that were sent to it while it was stopped before it goes on, so
// they are relayed before the SIGCONT that lets the guest go on.
type continuation struct {
	t      *task
	info   tracer.Siginfo
	own    bool
	behind uint64 // signals that its task takes first, if they wait
}

// passOn relays a signal that the task was about to take.
func (t *task) passOn(info *tracer.Siginfo) {
	t.relayInTurn(info, t.isOwn(info))
	t.passContinuation()
}

// relayInTurn relays a signal, or has it wait if it is a SIGCONT.
func (t *task) relayInTurn(info *tracer.Siginfo, own bool) {
	b := t.b
	if ends(info.Signal()) != 0 {
		b.relayContinuation()
	}
	if k := t.k; info.Signal() == int(unix.SIGCONT) && k != nil && !k.Stopped() {
		if behind := t.takesNext(); behind != 0 {
			b.continuation = &continuation{t, *info, own, behind}
			return
		}
	}
	t.relay(info, own)
}

// passContinuation relays the SIGCONT that waits if the task, which stands still and has
// told of its stop, has taken all signals that come before.
func (t *task) passContinuation() {
	if c := t.b.continuation; c != nil && c.t == t && !t.b.freezing && t.takesNext()&c.behind == 0 {
		t.b.relayContinuation()
	}
}

func (b *body) relayContinuation() {
	if c := b.continuation; c != nil {
		b.continuation = nil
		c.t.relay(&c.info, c.own)
	}
}

// keepContinuation keeps the SIGCONT that waits with the other signals.
func (b *body) keepContinuation() {
	if c := b.continuation; c != nil {
		b.continuation = nil
		c.t.keep(c.info)
	}
}

// haltContinued stops the tasks that a SIGCONT is kept for, so that it is known what they
// take next, and keeps what they were about to take.
func (b *body) haltContinued() (halted []*task) {
	continues := func(info tracer.Siginfo) bool { return info.Signal() == int(unix.SIGCONT) }
	for _, t := range b.tasks {
		kept := t.kept
		if t == b.leader() {
			kept = append(kept[:len(kept):len(kept)], b.kept...)
		}
		held := t.k == nil || t.in != nil || t.k.Stopped()
		if held || !slices.ContainsFunc(kept, continues) || t.stop() != nil {
			continue
		}
		halted = append(halted, t)
		for _, info := range t.k.TakeDeferred() {
			t.keep(info)
		}
	}
	return halted
}

// continuesLast is a list of signals in the order in which they are relayed: SIGCONT after
// those that came while it did.
func continuesLast(list []tracer.Siginfo) (ordered []tracer.Siginfo) {
	var last []tracer.Siginfo
	for _, info := range list {
		if ends(info.Signal()) != 0 {
			ordered, last = append(ordered, last...), nil
		}
		if info.Signal() == int(unix.SIGCONT) {
			last = []tracer.Siginfo{info}
		} else {
			ordered = append(ordered, info)
		}
	}
	return append(ordered, last...)
}

// takesNext is the set of signals that the task, and no other, takes as soon as it goes on,
// but for those that stop or continue the process.
func (t *task) takesNext() uint64 {
	own, shared, err := tracer.Pending(t.k.Tid)
	if err != nil {
		return 0
	}
	if len(t.b.tasks) == 1 {
		own |= shared
	}
	blocked, err := tracer.Blocked(t.k.Tid)
	if err != nil {
		return 0
	}
	return own &^ blocked &^ (abi.Stops | abi.Continues)
}

// endByStop ends the call that the task was taken out of, if a stop does.
func (t *task) endByStop() error {
	r, err := t.k.Regs()
	if err != nil {
		return err
	}
	if c := t.current(); t.slot.At(&r) == tracer.PlaceInCall && c != nil && interrupted(&r) && c.endsByStop(r.Result()) {
		r.LeaveSyscall()
		return t.k.SetRegs(r)
	}
	return nil
}

// endsByStop tells whether a call that was interrupted with that code ends when its
// process is stopped; others go on afterwards (man 7 signal, "Interruption of system calls
// by stop signals").
func (c *call) endsByStop(code int64) bool {
	ends := code == rawInterrupted || c.polling
	c.halted = c.halted || ends
	return ends
}

// stopDue tells whether the body is about to be stopped.
func (b *body) stopDue() bool { return b.due > 0 && abi.Stops&(1<<(b.due-1)) != 0 }

// overtaken meets a SIGCONT that came just when the task was sent the signal that is to
// stop it. Of the two the one that came first is no more (man 7 signal). If that is the
// SIGCONT it is sent again.
func (t *task) overtaken() error {
	b := t.b
	sig := b.due
	b.due = 0
	pending, err := t.k.PeekPending(false)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(pending, func(info tracer.Siginfo) bool { return info.Signal() == sig }) {
		if err := unix.Tgkill(int(b.pid), int(t.tid), unix.SIGCONT); err != nil {
			return err
		}
	}
	return t.passOver()
}
