package remote

import (
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/wire"
	"umosix/wire/link"
)

// stopSignals stop a process by default; the others that are not quiet end it.
const stopSignals = 1<<(unix.SIGSTOP-1) | 1<<(unix.SIGTSTP-1) | 1<<(unix.SIGTTIN-1) | 1<<(unix.SIGTTOU-1)

// takeSignal queues a signal that arrived at home in the guest.
func (g *guest) takeSignal(f *link.Frame) error {
	var m wire.Relay
	if err := f.Decode(&m); err != nil {
		return err
	}
	var info tracer.Siginfo
	if len(m.Info) != len(info) {
		return fmt.Errorf("siginfo of %d bytes", len(m.Info))
	}
	copy(info[:], m.Info)
	sig := info.Signal()
	if sig < 1 || sig > 64 {
		return fmt.Errorf("signal %d", sig)
	}
	if g.state == held && sig == int(unix.SIGCONT) {
		g.state = running
		if g.task.Cont(0) != nil {
			return nil
		}
	}
	if !g.halt() {
		return nil
	}
	g.receive(&info, m.Info)
	return nil
}

// receive handles a signal for a guest that stands still.
func (g *guest) receive(info *tracer.Siginfo, raw []byte) {
	sig := info.Signal()
	moving := g.state == ready || g.state == frozen
	if !moving && g.defaultAction(sig)&stopSignals != 0 && !g.blocks(sig) {
		g.stopFor(info)
		return
	}
	if err := g.queueBy(g.injecting(), raw); err != nil {
		g.fail("signal not queued", err)
		return
	}
	switch {
	case g.state == running:
		g.cont(0)
	case g.state == waiting && g.wakes(sig):
		g.interrupt()
	}
}

// interrupt has home take the body out of the call that the guest waits for.
func (g *guest) interrupt() {
	if g.homing || g.mapping != nil {
		return
	}
	h := g.header(wire.TypeInterrupt)
	h.Ack = g.seq
	g.x.send(h, nil)
}

// interruptIfPending is for a guest that goes on waiting after a move: a signal
// that came meanwhile may end its call.
func (g *guest) interruptIfPending() {
	for _, shared := range []bool{false, true} {
		pending, err := g.task.PeekPending(shared)
		if err != nil {
			return
		}
		for i := range pending {
			if g.wakes(pending[i].Signal()) {
				g.interrupt()
				return
			}
		}
	}
}

// queueBy queues a signal by a call that the guest makes to itself: so the kernel
// accepts any siginfo.
func (g *guest) queueBy(call tracer.Caller, raw []byte) error {
	const siTkill = -6
	var info tracer.Siginfo
	copy(info[:], raw)
	buffers, at := g.loop.Buffers()
	copy(buffers[signalOffset:], info[:])
	sig, where, self := uint64(info.Signal()), uint64(at)+signalOffset, uint64(g.pid)
	kept := g.regs
	defer func() { g.regs = kept }()
	if !g.x.cage.ExactPids() {
		self = uint64(g.task.Tid)
	}
	var ret int64
	var err error
	if info.Code() == siTkill {
		ret, err = call.Call(unix.SYS_RT_TGSIGQUEUEINFO, self, self, sig, where)
	} else {
		ret, err = call.Call(unix.SYS_RT_SIGQUEUEINFO, self, sig, where)
	}
	if err == nil && ret < 0 {
		err = unix.Errno(-ret)
	}
	if err != nil {
		return fmt.Errorf("queue signal %d in guest %d: %w", sig, g.pid, err)
	}
	return nil
}

// defaultAction is the signal's bit if its default action applies, else 0.
func (g *guest) defaultAction(sig int) uint64 {
	ignored, caught, err := tracer.Dispositions(g.task.Tid)
	bit := uint64(1) << (sig - 1)
	if err != nil || (ignored|caught)&bit != 0 {
		return 0
	}
	return bit
}

// blocks tells whether the guest blocks a signal where it stands.
func (g *guest) blocks(sig int) bool {
	mask := g.mask
	if !g.temp || g.state != waiting {
		mask, _ = g.task.SigMask()
	}
	return mask&(1<<(sig-1)) != 0
}

// wakes tells whether a signal ends the call that the guest waits for.
func (g *guest) wakes(sig int) bool {
	bit := uint64(1) << (sig - 1)
	if set, ok := g.awaited(); ok && set&bit != 0 {
		return true
	}
	if g.blocks(sig) || g.ignored&bit != 0 {
		return false
	}
	return g.defaultAction(sig)&quietSignals == 0
}

// onSignal decides about a signal that the guest's kernel is about to deliver.
func (g *guest) onSignal(sig int) {
	info, err := g.task.Siginfo()
	if err != nil {
		return
	}
	if g.suspend != nil {
		g.returnSuspend()
	}
	switch action := g.defaultAction(sig); {
	case action == 0 || action&quietSignals != 0:
		g.cont(sig)
	case action&stopSignals != 0:
		g.stopFor(&info)
	default:
		g.die(&info)
	}
}

// returnSuspend puts back the registers that borrowSuspend took.
func (g *guest) returnSuspend() {
	own := g.suspend
	g.suspend = nil
	r, err := g.task.Regs()
	if err != nil {
		return
	}
	args := own.Args()
	r.SetArgs(args)
	g.task.SetRegs(r)
}

// stopFor holds the guest and has home take the default action of a stop signal.
func (g *guest) stopFor(info *tracer.Siginfo) {
	if g.state == running {
		g.state = held
	}
	g.x.send(g.header(wire.TypeFault), &wire.Fault{Info: append([]byte(nil), info[:]...)})
}

// die ends the guest by a signal; its body dies of it.
func (g *guest) die(info *tracer.Siginfo) {
	u := g.usage()
	g.x.send(g.header(wire.TypeUsage), &u)
	h := g.header(wire.TypeFault)
	g.discard()
	g.x.send(h, &wire.Fault{Info: append([]byte(nil), info[:]...), Gone: true})
}

// exit ends the guest as it wished; its body ends with the same status.
func (g *guest) exit(status int) {
	m := wire.Exit{Status: status, Group: true, Usage: g.usage()}
	h := g.header(wire.TypeExit)
	g.discard()
	g.x.send(h, &m)
}
