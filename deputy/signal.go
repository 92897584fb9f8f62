package deputy

import (
	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/wire"
	"umosix/wire/link"
)

// onStop takes the stops of a body that nobody waits for. On the tracer's thread.
func (b *body) onStop(k *tracer.Task, s tracer.Stop) {
	var err error
	switch {
	case s.Ended():
		b.gone(s)
	case s.Kind == tracer.StopSignal:
		err = b.onSignal(s.Signal)
	case s.Kind == tracer.StopGroup:
		err = k.Listen()
	case s.Kind == tracer.StopEvent && s.Event == unix.PTRACE_EVENT_EXEC:
		err = b.onExec()
	case s.Kind == tracer.StopEvent && s.Event == unix.PTRACE_EVENT_EXIT:
		err = b.onExit()
	case b.slot != nil:
		err = b.passOver()
	default:
		err = k.Cont(0)
	}
	if err != nil && err != tracer.ErrGone {
		b.d.log.Error().Int("pid", int(b.pid)).Stringer("stop", s).Err(err).Msg("stop not handled")
	}
}

// onSignal handles a signal that is about to be delivered to the body.
func (b *body) onSignal(sig int) error {
	state := b.now()
	if state == native {
		return b.passNative(sig)
	}
	if sig == b.due {
		b.due = 0
		return b.task.Cont(sig)
	}
	info, err := b.task.Siginfo()
	if err != nil {
		return err
	}
	switch state {
	case away:
		if b.freezing {
			b.kept = append(b.kept, info)
		} else {
			b.relay(&info)
		}
		return b.passOver()
	case lingering:
		return b.signalLingering(&info)
	}
	b.kept = append(b.kept, info)
	return b.task.Cont(0)
}

// passNative delivers a signal to a program that is at home and traced from its
// start. A signal that the program ignores would not have reached it untraced:
// a call that it has interrupted with a plain EINTR is made again if it can be.
func (b *body) passNative(sig int) error {
	r, err := b.task.Regs()
	if err != nil {
		return err
	}
	if r.Result() == rawInterrupted && interrupted(&r) && b.ignores(sig) && b.unbroken.takeUp(&r) {
		r.Rewind(uint64(r.Nr()))
		if err := b.task.SetRegs(r); err != nil {
			return err
		}
	}
	return b.task.Cont(sig)
}

// relay sends a signal to the guest.
func (b *body) relay(info *tracer.Siginfo) {
	const siTkill = -6
	p := b.peerNow()
	if p == nil {
		return
	}
	m := wire.Relay{Info: append([]byte(nil), info[:]...), Group: info.Code() != siTkill}
	if err := p.link.Send(b.header(wire.TypeRelay), &m); err != nil {
		p.link.Close()
	}
}

// relayDeferred sends on the signals that were met while the body was being stopped.
func (b *body) relayDeferred() {
	for _, info := range b.task.TakeDeferred() {
		if b.freezing {
			b.kept = append(b.kept, info)
			continue
		}
		b.relay(&info)
	}
}

// signalLingering ends the call of a process that is at home already, when a
// signal arrives that the program will notice.
func (b *body) signalLingering(info *tracer.Siginfo) error {
	if b.ignores(info.Signal()) {
		return b.passOver()
	}
	b.kept = append(b.kept, *info)
	if err := b.beginSession(); err != nil {
		return err
	}
	r := b.in.Regs()
	if b.slot.At(r) != tracer.PlaceInCall || !interrupted(r) {
		if err := b.endSession(); err != nil {
			return err
		}
		return b.passOver() // it ends by itself just now
	}
	code := r.Result()
	if code == restartBlock {
		code = rawInterrupted
	}
	b.call.ending.Lock()
	b.call.setOutcome(code)
	b.call.ending.Unlock()
	return b.landHeld()
}

// ignores tells whether the program takes no notice of a signal.
func (b *body) ignores(sig int) bool { return b.unnoticed()&(1<<(sig-1)) != 0 }

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
	sig := info.Signal()
	if sig < 1 || sig > 64 {
		return nil
	}
	b.d.tracer.Post(func() {
		if err := b.takeAction(sig, m.Gone); err != nil && err != tracer.ErrGone {
			b.d.log.Error().Int("pid", int(b.pid)).Int("signal", sig).Err(err).Msg("default action not taken")
			unix.Kill(int(b.pid), unix.SIGKILL)
		}
	})
	return nil
}

// takeAction makes the body take the default action of a signal. On the tracer's thread.
func (b *body) takeAction(sig int, gone bool) error {
	if b.task == nil {
		return tracer.ErrGone
	}
	b.fenced = b.fenced || gone
	if _, err := b.task.StopWithin(stopLimit); err != nil {
		return err
	}
	if gone {
		if err := b.resetAction(sig); err != nil {
			return err
		}
	}
	b.due = sig
	if err := unix.Tgkill(int(b.pid), int(b.pid), unix.Signal(sig)); err != nil {
		return err
	}
	return b.passOver()
}

// resetAction makes sure that the body has no handler for a signal, so that the
// signal does what it did to the guest. The body makes no more calls.
func (b *body) resetAction(sig int) error {
	in, err := b.task.Injector(b.loop.Insn())
	if err != nil {
		return err
	}
	buffers, at := b.loop.Buffers()
	clear(buffers[smallOffset : smallOffset+64])
	if _, err := in.Call(unix.SYS_RT_SIGACTION, uint64(sig), uint64(at+smallOffset), 0, 8); err != nil {
		return err
	}
	b.slot.Enter(in.Regs())
	*in.Mask() = 0
	return in.End()
}
