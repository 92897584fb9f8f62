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
	if g.stopped && sig == int(unix.SIGCONT) {
		g.continueAll()
	}
	if m.Group {
		g.receive(&info)
	} else if t := g.task(f.Tid); t != nil && t.halt() {
		t.receive(&info)
	}
	return nil
}

// receive handles a signal for the process.
func (g *guest) receive(info *tracer.Siginfo) {
	if t := g.taker(info.Signal()); t != nil {
		t.receive(info)
	} else if g.stage != gone {
		g.queueShared(info)
	}
}

// continueAll ends a stop by a signal's default action.
func (g *guest) continueAll() {
	g.stopped = false
	for _, t := range g.tasks {
		if t.state == held {
			t.cont(0)
		}
	}
}

// taker is the task that takes a signal sent to the process: the first that does not
// block it, as in the kernel (kernel/signal.c, complete_signal). It stands still; all
// tasks before it were looked at, and go on. It is nil if all block it, or before the
// guest runs.
func (g *guest) taker(sig int) *task {
	if g.stage != alive {
		return nil
	}
	for _, t := range g.tasks {
		was := t.state
		if !t.halt() {
			continue
		}
		if t.state == waiting && t.wakes(sig) || t.state != waiting && !t.blocks(sig) {
			return t
		}
		if was == running && t.state == running {
			t.cont(0)
		}
	}
	return nil
}

// receive handles a signal for one task, which stands still.
func (t *task) receive(info *tracer.Siginfo) {
	g, sig := t.g, info.Signal()
	if g.stage == alive && g.defaultAction(sig)&stopSignals != 0 && !t.blocks(sig) {
		g.stopFor(info)
		return
	}
	if err := t.queue(t.injecting(), info[:], true); err != nil {
		g.fail("signal not queued", err)
		return
	}
	switch {
	case g.stage != alive:
	case t.state == running:
		t.cont(0)
	case t.state == waiting && t.wakes(sig):
		t.interrupt()
	}
}

// queueShared queues a signal for whichever task unblocks it first. It goes by way of
// the leader: of others the kernel takes no siginfo that a process could not make
// (kernel/signal.c, do_rt_sigqueueinfo, compares their own number).
func (g *guest) queueShared(info *tracer.Siginfo) {
	t := g.leader()
	if !t.halt() {
		return
	}
	if err := t.queue(t.injecting(), info[:], false); err != nil {
		g.fail("signal not queued", err)
	} else if g.stage == alive && t.state == running {
		t.cont(0)
	}
}

// interrupt has home take the body out of the call that the guest waits for.
func (t *task) interrupt() {
	if t.homing || t.mapping != nil || t.birth != nil {
		return
	}
	h := t.header(wire.TypeInterrupt)
	h.Ack = t.seq
	t.g.x.send(h, nil)
}

// interruptIfPending is for a task that goes on waiting after a move: a signal
// that came meanwhile may end its call.
func (t *task) interruptIfPending() {
	for _, shared := range []bool{false, true} {
		pending, err := t.k.PeekPending(shared)
		if err != nil {
			return
		}
		for i := range pending {
			if t.wakes(pending[i].Signal()) {
				t.interrupt()
				return
			}
		}
	}
}

// isTkill tells whether a signal was sent to one task (si_code SI_TKILL).
func isTkill(info *tracer.Siginfo) bool {
	const siTkill = -6
	return info.Code() == siTkill
}

// queue has the task queue a signal to itself, or to its process: so the kernel
// accepts any siginfo.
func (t *task) queue(call tracer.Caller, raw []byte, own bool) error {
	var info tracer.Siginfo
	copy(info[:], raw)
	buffers, at := t.slot.Buffers()
	copy(buffers[signalOffset:], info[:])
	process, self := uint64(t.g.pid), uint64(t.tid)
	if !t.g.x.cage.ExactPids() {
		process, self = uint64(t.g.leader().k.Tid), uint64(t.k.Tid)
	}
	kept := t.regs
	defer func() { t.regs = kept }()
	var ret int64
	var err error
	sig, where := uint64(info.Signal()), uint64(at)+signalOffset
	if own {
		ret, err = call.Call(unix.SYS_RT_TGSIGQUEUEINFO, process, self, sig, where)
	} else {
		ret, err = call.Call(unix.SYS_RT_SIGQUEUEINFO, process, sig, where)
	}
	if err == nil && ret < 0 {
		err = unix.Errno(-ret)
	}
	if err != nil {
		return fmt.Errorf("queue signal %d in guest %d: %w", sig, t.g.pid, err)
	}
	return nil
}

// defaultAction is the signal's bit if its default action applies, else 0.
func (g *guest) defaultAction(sig int) uint64 {
	ignored, caught, err := tracer.Dispositions(g.leader().k.Tid)
	bit := uint64(1) << (sig - 1)
	if err != nil || (ignored|caught)&bit != 0 {
		return 0
	}
	return bit
}

// blocks tells whether the guest blocks a signal where it stands.
func (t *task) blocks(sig int) bool {
	mask := t.mask
	if !t.temp || t.state != waiting {
		mask, _ = t.k.SigMask()
	}
	return mask&(1<<(sig-1)) != 0
}

// wakes tells whether a signal ends the call that the guest waits for.
func (t *task) wakes(sig int) bool {
	bit := uint64(1) << (sig - 1)
	if set, ok := t.awaited(); ok && set&bit != 0 {
		return true
	}
	if t.blocks(sig) || t.g.ignored&bit != 0 {
		return false
	}
	return t.g.defaultAction(sig)&quietSignals == 0
}

// onSignal decides about a signal that the guest's kernel is about to deliver.
func (t *task) onSignal(sig int) {
	info, err := t.k.Siginfo()
	if err != nil {
		return
	}
	if t.suspend != nil {
		t.returnSuspend()
	}
	switch action := t.g.defaultAction(sig); {
	case action == 0 || action&quietSignals != 0:
		t.cont(sig)
	case action&stopSignals != 0:
		t.g.stopFor(&info)
	default:
		t.g.die(&info)
	}
}

// returnSuspend puts back the registers that borrowSuspend took.
func (t *task) returnSuspend() {
	own := t.suspend
	t.suspend = nil
	r, err := t.k.Regs()
	if err != nil {
		return
	}
	args := own.Args()
	r.SetArgs(args)
	t.k.SetRegs(r)
}

// stopFor holds the guest and has home take the default action of a stop signal.
func (g *guest) stopFor(info *tracer.Siginfo) {
	g.stopped = true
	for _, t := range g.tasks {
		if t.halt() && t.state == running {
			t.state = held
		}
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
