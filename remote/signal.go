package remote

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/wire"
	"umosix/wire/link"
)

// takeSignal queues a signal that arrived at home in the guest.
func (g *guest) takeSignal(f *link.Frame) error {
	var m wire.Relay
	if err := f.Decode(&m); err != nil {
		return err
	}
	g.heard = f.Seq
	var info tracer.Siginfo
	if len(m.Info) != len(info) {
		return fmt.Errorf("siginfo of %d bytes", len(m.Info))
	}
	copy(info[:], m.Info)
	sig := info.Signal()
	if sig < 1 || sig > 64 {
		return fmt.Errorf("signal %d", sig)
	}
	switch {
	case sig == int(unix.SIGCONT):
		g.stopBy = nil
	case sig == int(unix.SIGSTOP) && g.stage != alive:
		g.stopBy = &info
		return nil
	}
	var err error
	if m.Group {
		err = g.receive(&info)
	} else if t := g.task(f.Tid); t != nil && t.halt() {
		err = t.receive(&info, true)
	}
	if err != nil {
		g.fail("signal not queued", err)
		return nil
	}
	if sig == int(unix.SIGCONT) && g.stopped {
		g.continueAll()
	}
	return nil
}

// receive handles a signal for the process. The task that takes it gets it into its own
// queue, so that no other one does, unless signals of that number wait in the queue of
// the process: they come first.
func (g *guest) receive(info *tracer.Siginfo) error {
	if t := g.taker(info.Signal()); t != nil {
		return t.receive(info, len(g.tasks) > 1 && !t.sharesPending(info.Signal()))
	}
	t := g.leader()
	if !t.halt() || g.passes(info.Signal()) {
		return nil
	}
	g.waits = true
	err := t.queueArrived(info, false)
	if err == nil && g.stage == alive && t.state == running {
		t.cont(0)
	}
	return err
}

// meetShared ends the wait of a task that has just begun it, if a signal for the process
// ends that which nobody wanted when it was queued: the task blocked it when it was asked,
// and stood before its call, where the kernel passes it over, a moment later.
func (t *task) meetShared() {
	if !t.g.waits {
		return
	}
	pending, err := t.k.PeekPending(true)
	t.g.waits = err != nil || len(pending) > 0
	if slices.ContainsFunc(pending, func(info tracer.Siginfo) bool { return t.wakes(info.Signal()) }) {
		t.interrupt()
	}
}

// passes tells whether a signal is a SIGCONT that has done its work, while a task waits
// that would take no notice of it. Queued it would end a signal to stop that comes later.
func (g *guest) passes(sig int) bool {
	lets := func(t *task) bool { return t.state == waiting && !t.blocks(sig) }
	return sig == int(unix.SIGCONT) && (g.ignored|g.defaultAction(sig))&abi.Continues != 0 && slices.ContainsFunc(g.tasks, lets)
}

// sharesPending tells whether a signal is in the queue of the process.
func (t *task) sharesPending(sig int) bool {
	pending, err := t.k.PeekPending(true)
	return err == nil && slices.ContainsFunc(pending, func(info tracer.Siginfo) bool { return info.Signal() == sig })
}

// continueAll ends a stop by a signal's default action. A guest that is not alive goes on
// when it is.
func (g *guest) continueAll() {
	g.stopped = false
	for _, t := range g.tasks {
		if t.state == held && g.stage == alive {
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

// receive handles a signal that one task takes, which stands still. It goes into the
// task's own queue, or into that of the process.
func (t *task) receive(info *tracer.Siginfo, own bool) error {
	g, sig := t.g, info.Signal()
	if g.stage == alive && g.defaultAction(sig)&abi.Stops != 0 && !t.blocks(sig) {
		t.stopFor(info)
		return nil
	}
	if !own && t != g.leader() {
		// Of other tasks than the leader the kernel takes no siginfo for the process
		// that it could not make (kernel/signal.c, do_rt_sigqueueinfo).
		if !g.leader().halt() {
			return nil
		}
	}
	by := t
	if !own {
		by = g.leader()
	}
	if err := by.queueArrived(info, own); err != nil {
		return err
	}
	if by != t && g.stage == alive && by.state == running {
		by.cont(0)
	}
	switch {
	case g.stage != alive:
	case t.state == running:
		t.cont(0)
	case t.state == waiting && t.wakes(sig):
		t.interrupt()
	}
	return nil
}

// interrupt has home take the body out of the call that the guest waits for.
func (t *task) interrupt() {
	if t.homing || t.inParts || t.mapping != nil || t.birth != nil || t.awaits != nil || isExec(t.call.Nr) {
		return
	}
	h := t.header(wire.TypeInterrupt)
	h.Ack = t.seq
	t.g.x.send(h, nil)
}

// stopForPending is for a guest that is about to go on after a move: it does not, if a
// signal waits that stops the process. All tasks stand still.
func (g *guest) stopForPending() {
	for _, t := range g.tasks {
		for _, shared := range []bool{false, true} {
			pending, err := t.k.PeekPending(shared)
			i := slices.IndexFunc(pending, func(info tracer.Siginfo) bool {
				return g.defaultAction(info.Signal())&abi.Stops != 0 && !t.blocks(info.Signal())
			})
			if err != nil || i < 0 {
				continue
			}
			if _, _, err := t.takeOne(g.defaultAction(pending[i].Signal())); err == nil {
				g.stopBy = &pending[i]
			}
		}
	}
	if g.stopBy != nil {
		g.stopped = true
		g.tellStop(g.stopBy)
		g.stopBy = nil
	}
}

// wakeForPending is for a guest that is about to go on after a move: signals that came
// meanwhile may end calls that its tasks wait for. One of the process ends one, and none
// if a task that runs takes it. All tasks stand still.
func (g *guest) wakeForPending() {
	for _, t := range g.tasks {
		own, err := t.k.PeekPending(false)
		wakes := func(info tracer.Siginfo) bool { return t.wakes(info.Signal()) }
		if err == nil && t.state == waiting && slices.ContainsFunc(own, wakes) {
			t.interrupt()
		}
	}
	shared, err := g.leader().k.PeekPending(true)
	if err != nil {
		return
	}
	for i := range shared {
		sig := shared[i].Signal()
		takes := func(t *task) bool { return t.state == running && !t.blocks(sig) }
		wakes := func(t *task) bool { return t.state == waiting && t.wakes(sig) }
		if first := slices.IndexFunc(g.tasks, wakes); first >= 0 && !slices.ContainsFunc(g.tasks, takes) {
			g.tasks[first].interrupt()
		}
	}
}

// requeueDeferred puts the signals back that were taken off the task while it was
// being stopped: before those that are pending.
func (t *task) requeueDeferred() error {
	first := t.deferred()
	if len(first) == 0 {
		return nil
	}
	pending, err := t.k.PeekPending(false)
	if err != nil {
		return err
	}
	for range pending {
		if _, _, err := t.takeOne(^uint64(0)); err != nil {
			return err
		}
	}
	for i := range pending {
		first = append(first, pending[i][:])
	}
	for _, raw := range first {
		if err := t.queue(t.injecting(), raw, true); err != nil {
			return err
		}
	}
	return nil
}

// takeOne takes the first pending signal of a set off the task's queues: its own comes before
// that of its process. It reports false if there is none.
func (t *task) takeOne(set uint64) (info tracer.Siginfo, ok bool, err error) {
	buffers, at := t.slot.Buffers()
	room := buffers[signalOffset : signalOffset+32+len(info)]
	clear(room)
	binary.LittleEndian.PutUint64(room, set) // then a time limit of 0 and the siginfo
	kept := t.regs
	defer func() { t.regs = kept }()
	where := uint64(at) + signalOffset
	ret, err := t.injecting().Call(unix.SYS_RT_SIGTIMEDWAIT, where, where+32, where+8, abi.SigsetSize)
	copy(info[:], room[32:])
	return info, err == nil && ret > 0, err
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
	if !t.suspends && (!t.temp || t.state != waiting) {
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
	if err == nil && t.g.asHome(&info) {
		err = t.k.SetSiginfo(info)
	}
	if err != nil {
		return
	}
	action := t.g.defaultAction(sig)
	if action&quietSignals != 0 { // nobody notices
		if t.noteSuspended(); t.suspends {
			sig = 0
		}
		t.cont(sig)
		return
	}
	if t.suspend != nil {
		t.returnSuspend()
	}
	t.leaveVdso()
	switch {
	case action == 0:
		t.cont(sig)
	case action&abi.Stops != 0:
		t.stopFor(&info)
	default:
		t.g.die(&info)
	}
}

// leaveVdso takes a task that is about to enter a handler out of what stands here in the
// place of its vdso: the handler may return elsewhere.
func (t *task) leaveVdso() {
	if r, err := t.k.Regs(); err == nil && t.g.leaveVdso(&r) {
		_ = t.k.SetRegs(r) // if it is gone, its end is told by its stop
	}
}

// returnSuspend puts back the registers that borrowSuspend took. A signal that the program
// does not block outside of its call either comes before the borrowed one.
func (t *task) returnSuspend() {
	own := t.suspend
	t.suspend = nil
	r, err := t.k.Regs()
	if err != nil {
		return
	}
	if r.Nr() < 0 {
		r = *own
		r.Skip(-int64(unix.EINTR))
	} else {
		r.SetArgs(own.Args())
	}
	t.k.SetRegs(r)
}

// leaveSuspend takes a task that was stopped before its signal came out of the call that
// borrowSuspend has made: it waits again for the outcome of its own, which is known.
func (t *task) leaveSuspend() {
	t.regs, t.suspend = *t.suspend, nil
	t.state = waiting
}

// stopFor holds the guest and has home take the default action of a stop signal. The
// task that takes the signal stands still already: it would not stop once more.
func (t *task) stopFor(info *tracer.Siginfo) {
	g := t.g
	g.stopped = true
	if t.state == running {
		t.state = held
	}
	for _, t := range g.tasks {
		if t.halt() && t.state == running {
			t.state = held
		}
	}
	g.tellStop(info)
}

// tellStop has home stop the process: the guest stands still.
func (g *guest) tellStop(info *tracer.Siginfo) {
	g.ownFiles.flush()
	h := g.header(wire.TypeFault)
	h.Ack = g.heard // a SIGCONT that is on its way comes after the stop
	g.x.send(h, &wire.Fault{Info: append([]byte(nil), info[:]...)})
}

// die ends the guest by a signal; its body dies of it.
func (g *guest) die(info *tracer.Siginfo) {
	u := g.usage()
	g.x.send(g.header(wire.TypeUsage), &u)
	h := g.header(wire.TypeFault)
	g.discard()
	g.x.send(h, &wire.Fault{Info: append([]byte(nil), info[:]...), Gone: true})
}
