package deputy

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/wire"
	"umosix/wire/link"
)

// onStop takes the stops of a task that nobody waits for. On the tracer's thread.
func (t *task) onStop(k *tracer.Task, s tracer.Stop) {
	var err error
	switch {
	case s.Ended():
		t.ended()
	case t.k == nil: // it could not be let go when it had not stopped
		err = k.Detach(s.Signal)
	case s.Kind == tracer.StopSignal:
		err = t.onSignal(s.Signal)
	case s.Kind == tracer.StopGroup && t.slot == nil:
		err = k.Listen()
	case s.Kind == tracer.StopTrap && t.b.stopDue() && t == t.b.leader():
		err = t.overtaken()
	case s.Kind == tracer.StopEvent && s.Event == unix.PTRACE_EVENT_EXEC:
		err = t.onExec()
	case s.Kind == tracer.StopEvent && s.Event == unix.PTRACE_EVENT_EXIT:
		err = t.onExit()
	case t.slot != nil:
		t.passContinuation()
		err = t.passOver()
	default:
		err = k.Cont(0)
	}
	if err != nil && !errors.Is(err, tracer.ErrGone) {
		t.b.d.log.Error().Int("pid", int(t.b.pid)).Int("tid", int(t.tid)).Stringer("stop", s).Err(err).Msg("stop not handled")
	}
}

// onSignal handles a signal that is about to be delivered to the task.
func (t *task) onSignal(sig int) error {
	b := t.b
	state := b.now()
	if state == native || state == lingering && !t.lingering {
		return t.passNative(sig)
	}
	if sig == b.due {
		b.due = 0
		return t.k.Cont(sig)
	}
	info, err := t.k.Siginfo()
	if err != nil {
		return err
	}
	if t.failed(&info) {
		b.kill("lost", fmt.Sprintf("failed at home: signal %d in its resident loop", sig))
		return nil
	}
	switch state {
	case away:
		if t.usesTerminal(&info) {
			b.terminal = true
			return t.k.Cont(sig)
		} else if b.freezing && t.stopsAtOnce(sig) {
			return t.k.Cont(sig)
		} else if b.freezing {
			t.keep(info)
		} else {
			t.passOn(&info)
		}
		t.hush(&info)
		return t.passOver()
	case lingering:
		return t.signalLingering(&info)
	}
	if t.stopsAtOnce(sig) {
		return t.k.Cont(sig)
	}
	t.keep(info)
	return t.k.Cont(0)
}

// failed tells whether a signal says that the task has done in its loop what the kernel
// does not allow: a defect of ours, which the program is not to hear of.
func (t *task) failed(info *tracer.Siginfo) bool {
	const faults = 1<<unix.SIGSEGV | 1<<unix.SIGBUS | 1<<unix.SIGILL | 1<<unix.SIGFPE
	if info.Code() <= abi.SiUser || faults&(1<<info.Signal()) == 0 {
		return false
	}
	r, err := t.k.Regs()
	return err == nil && t.slot != nil && t.slot.At(&r) != tracer.PlaceOutside
}

// passNative delivers a signal to a program that is at home and traced from its
// start. A signal that the program ignores would not have reached it untraced:
// a call that it has interrupted goes on if it can.
func (t *task) passNative(sig int) error {
	r, err := t.k.Regs()
	if err != nil {
		return err
	}
	switch {
	case !t.b.ignores(sig):
	case isShort(&r):
		return t.b.goOnHere(t, sig)
	case r.Result() == rawInterrupted && interrupted(&r) && t.unbroken.takeUp(&r):
		return t.goOnUnbroken(r)
	}
	return t.k.Cont(sig)
}

// goOnUnbroken has a task in a signal stop go on with the call that the signal has
// interrupted, without the signal. It is in the call before another one can meet it, which
// ends the call then.
func (t *task) goOnUnbroken(r tracer.Regs) error {
	mask, err := t.k.SigMask()
	if err == nil {
		err = t.k.EnterCall(r, mask)
	}
	if err == nil && t.k.Stopped() { // on the way; now it shall stand still
		err = t.k.Interrupt()
	}
	return errors.Join(err, t.k.Cont(0))
}

// relayed is the last frame with a signal that was sent to a stay of the process.
type relayed struct {
	inc wire.Incarnation
	seq uint64
}

// after tells whether it was sent in that stay after the frame that was heard last.
func (r relayed) after(inc wire.Incarnation, heard uint64) bool { return r.inc == inc && r.seq > heard }

// relay sends a signal to the guest: to the task's own task, or to the process.
func (t *task) relay(info *tracer.Siginfo, own bool) {
	b := t.b
	p := b.peerNow()
	if p == nil {
		return
	}
	m := wire.Relay{Info: append([]byte(nil), info[:]...), Group: !own}
	h := b.header(wire.TypeRelay)
	h.Tid = t.tid
	seq, err := p.link.SendNumbered(h, &m)
	if err != nil {
		p.link.Close()
	}
	b.relayed = relayed{h.Inc, seq}
	if info.Signal() == int(unix.SIGCONT) {
		b.continued, b.halted, b.terminal = b.relayed, false, false
	}
}

// relayDeferred sends on the signals that were met while the task was being stopped.
func (t *task) relayDeferred() {
	for _, info := range t.k.TakeDeferred() {
		if t.b.freezing {
			t.keep(info)
			continue
		}
		t.passOn(&info)
	}
}

// signalLingering ends the call of a task that is at home already, when a signal
// arrives that the program will notice. The task takes it.
func (t *task) signalLingering(info *tracer.Siginfo) error {
	switch {
	case t.b.ignores(info.Signal()):
		return t.passOver()
	case t.b.stopsBy(info.Signal()): // and goes on with its call when it is continued
		return t.k.Cont(info.Signal())
	}
	t.kept = append(t.kept, *info)
	if err := t.beginSession(); err != nil {
		return err
	}
	r, c := t.in.Regs(), t.current()
	code := r.Result()
	switch place := t.slot.At(r); {
	case c.busy() && t.slot.Busy() && (place == tracer.PlaceIdle || place == tracer.PlaceBeforeCall):
		code = c.unmade() // it has not begun, and would not know of the signal
	case place != tracer.PlaceInCall || !interrupted(r):
		if err := t.endSession(); err != nil {
			return err
		}
		return t.goOn() // it ends by itself just now
	case code == restartBlock:
		code = rawInterrupted
	}
	c.ending.Lock()
	c.setOutcome(code)
	c.ending.Unlock()
	return t.landHeld()
}

// ignores tells whether the program takes no notice of a signal.
func (b *body) ignores(sig int) bool { return b.unnoticed()&(1<<(sig-1)) != 0 }

// stopsAtOnce tells whether a signal, met while the task is being stopped or makes calls
// for us, stops its process at once. While that is away its guest says what a signal does,
// except for SIGSTOP, and for one that it has spoken about.
func (t *task) stopsAtOnce(sig int) bool {
	b := t.b
	if sig == b.due && b.stopDue() {
		b.due = 0
		return true
	}
	return sig == int(unix.SIGSTOP) || b.now() != away && b.stopsBy(sig)
}

// stopsBy tells whether a signal stops the process (man 7 signal).
func (b *body) stopsBy(sig int) bool {
	ignored, caught, err := tracer.Dispositions(abi.LocalPid(b.pid))
	return err == nil && abi.Stops&(1<<(sig-1)) != 0 && (ignored|caught)&(1<<(sig-1)) == 0
}

// unnoticed is the set of signals that the program takes no notice of: they are
// ignored, or have their default action and that is to do nothing.
func (b *body) unnoticed() uint64 {
	const quiet = 1<<(unix.SIGCHLD-1) | 1<<(unix.SIGURG-1) | 1<<(unix.SIGWINCH-1) | 1<<(unix.SIGCONT-1)
	ignored, caught, err := tracer.Dispositions(abi.LocalPid(b.pid))
	if err != nil {
		return 0
	}
	return ignored | quiet&^caught
}

// serveFault takes the default action of a signal at the body; the executor has
// ended the guest already if the action is to die.
func (b *body) serveFault(f *link.Frame) error {
	var m wire.Fault
	if err := f.Decode(&m); err != nil {
		return err
	}
	var info tracer.Siginfo
	copy(info[:], m.Info)
	sig, inc, heard := info.Signal(), f.Inc, f.Ack // the frame's memory is used again
	confirms := sig == int(unix.SIGSTOP) && info.Code() == byHome
	if sig < 1 || sig > 64 {
		return nil
	}
	<-b.readiness()
	b.d.tracer.Post(func() {
		if !m.Gone && b.continued.after(inc, heard) {
			return // it has been continued meanwhile: the stop is over (man 7 signal)
		}
		err := error(nil)
		if m.Gone {
			err = b.takeEnd(sig)
		} else {
			err = b.takeStop(sig, confirms)
		}
		if err != nil && !errors.Is(err, tracer.ErrGone) {
			b.d.log.Error().Int("pid", int(b.pid)).Int("signal", sig).Err(err).Msg("default action not taken")
			unix.Kill(int(b.pid), unix.SIGKILL)
		}
	})
	return nil
}

// takeEnd makes the body die of a signal. On the tracer's thread.
func (b *body) takeEnd(sig int) error {
	t := b.leader()
	b.fenced = true
	if err := t.stop(); err != nil {
		return err
	}
	if err := t.resetAction(sig); err != nil {
		return err
	}
	if err := t.sendDue(sig); err != nil {
		return err
	}
	return t.passOver()
}

// sendDue sends the task a signal whose default action the process is to take.
func (t *task) sendDue(sig int) error {
	t.b.due = sig
	return unix.Tgkill(int(t.b.pid), int(t.tid), unix.Signal(sig))
}

// resetAction makes sure that the body has no handler for a signal, so that the
// signal does what it did to the guest. The body makes no more calls.
func (t *task) resetAction(sig int) error {
	in, err := t.k.Injector(t.b.loop.Insn())
	if err != nil {
		return err
	}
	buffers, at := t.slot.Buffers()
	clear(buffers[smallOffset : smallOffset+64])
	if _, err := in.Call(unix.SYS_RT_SIGACTION, uint64(sig), uint64(at+smallOffset), 0, 8); err != nil {
		return err
	}
	t.slot.Enter(in.Regs())
	*in.Mask() = 0
	return in.End()
}
