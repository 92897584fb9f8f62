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

// Codes of interrupted calls (include/linux/errno.h).
const (
	restartSys    = abi.RestartSys
	restartNoIntr = abi.RestartIntr
	restartNoHand = abi.RestartHand
	restartBlock  = abi.RestartAgain
)

// quietSignals do nothing by default (man 7 signal).
const quietSignals = 1<<(unix.SIGCHLD-1) | 1<<(unix.SIGURG-1) | 1<<(unix.SIGWINCH-1) | 1<<(unix.SIGCONT-1)

// forward sends a call home; the guest waits for the outcome.
func (t *task) forward(row *abi.Row, nr uint64, args [6]uint64) {
	if nr == unix.SYS_RT_SIGTIMEDWAIT && t.takePending(args) {
		return
	}
	if (nr == unix.SYS_SIGNALFD || nr == unix.SYS_SIGNALFD4) && t.g.pendingAmong(abi.Addr(args[1])) {
		t.askHome("it is about to read from a descriptor what waits for it")
		return
	}
	if t.tellCPUTime(nr, args) {
		return
	}
	t.g.asks++
	var planned [6]uint64
	planned, t.mask, t.temp = row.Mask.Take(args, t.g.mem)
	if t.state, t.row = waiting, row; !t.sendFirstPart(nr, args) {
		t.sendWhole(nr, args, planned)
	}
}

// sendWhole sends a call with all its memory; planned are its arguments as home makes it.
func (t *task) sendWhole(nr uint64, args, planned [6]uint64) {
	row := t.row
	payload, refusal, err := t.plan(nr, planned)
	switch {
	case refusal != "":
		t.state = running
		t.askHome(string(refusal))
		return
	case err != nil:
		t.g.fail("call not forwarded", err)
		return
	}
	m := wire.Call{Call: t.call, Mask: t.callMask(row, &args)}
	if t.temp && row.Blocks(&args) && t.woken() {
		m.Flags = wire.Woken
	}
	seq, err := t.g.x.link.SendNumbered(t.header(wire.TypeCall), &m, payload)
	if err != nil {
		t.g.x.end(err)
	}
	if t.seq = seq; row.Blocks(&args) {
		t.meetShared()
	}
}

// woken tells whether a signal waits that ends the call which the task waits for: one
// that is blocked but for this call. Of those it does not hear again.
func (t *task) woken() bool {
	for _, shared := range []bool{false, true} {
		pending, err := t.k.PeekPending(shared)
		if err == nil && slices.ContainsFunc(pending, func(info tracer.Siginfo) bool { return t.wakes(info.Signal()) }) {
			return true
		}
	}
	return false
}

// plan describes a call and reads what goes with it. Another task may take the memory
// away in between: then it is looked at again.
func (t *task) plan(nr uint64, args [6]uint64) (payload []byte, refusal abi.Refusal, err error) {
	for range 100 {
		if _, refusal = abi.PlanInto(&t.call, nr, args, t.g.mem); refusal != "" {
			return nil, refusal, nil
		}
		if payload, err = t.gather(&t.call); err == nil {
			break
		}
		t.g.mem.forget()
	}
	return payload, "", err
}

// callMask is what the body blocks during the call: what the guest blocks, and
// what it would take no notice of.
func (t *task) callMask(row *abi.Row, args *[6]uint64) uint64 {
	if !row.Blocks(args) {
		return 0
	}
	mask := t.mask
	if !t.temp {
		mask, _ = t.k.SigMask()
	}
	if set, ok := t.awaited(); ok {
		mask &^= set
	}
	return (mask | t.g.ignored | quietSignals&^t.g.caught) &^ abi.Continues
}

// awaited is the set of signals that a trapped rt_sigtimedwait waits for.
func (t *task) awaited() (set uint64, ok bool) {
	var b [8]byte
	if t.call.Nr != unix.SYS_RT_SIGTIMEDWAIT {
		return 0, false
	}
	if _, err := t.g.mem.ReadAt(b[:], abi.Addr(t.call.Args[0])); err != nil {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[:]), true
}

// gather reads the bytes that travel with a call.
func (t *task) gather(c *abi.Call) ([]byte, error) {
	total := 0
	for i := range c.Regions {
		if c.Regions[i].Dir&abi.In != 0 {
			total += int(c.Regions[i].Avail)
		}
	}
	if total == 0 {
		return nil, nil
	}
	payload := make([]byte, total)
	at := 0
	for i := range c.Regions {
		r := &c.Regions[i]
		if r.Dir&abi.In == 0 || r.Avail == 0 {
			continue
		}
		if _, err := t.g.mem.ReadAt(payload[at:at+int(r.Avail)], r.Addr); err != nil {
			return nil, err
		}
		at += int(r.Avail)
	}
	return payload, nil
}

// resume waits on for a call that the body is in, or has ended meanwhile.
func (t *task) resume(nr uint64, args [6]uint64) {
	row := abi.Lookup(nr)
	if row == nil {
		t.g.fail("call not resumed", fmt.Errorf("unknown call %d", nr))
		return
	}
	var planned [6]uint64
	planned, t.mask, t.temp = row.Mask.Take(args, t.g.mem)
	if _, refusal := abi.PlanInto(&t.call, nr, planned, t.g.mem); refusal != "" {
		t.g.fail("call not resumed", fmt.Errorf("%s", refusal))
		return
	}
	t.state, t.row = waiting, row
	m := wire.Call{Call: t.call, Flags: wire.Resume}
	seq, err := t.g.x.link.SendNumbered(t.header(wire.TypeCall), &m)
	if err != nil {
		t.g.x.end(err)
	}
	t.seq = seq
}

// takeReply gives the guest the outcome of its call.
func (t *task) takeReply(f *link.Frame) error {
	if t.g.stage != alive || t.state != waiting || f.Ack != t.seq {
		return nil // the guest was frozen meanwhile: it will ask again
	}
	var m wire.Reply
	if err := f.Decode(&m); err != nil {
		return err
	}
	if len(m.Outs) > 0 {
		if err := t.call.CheckOuts(m.Outs); err != nil {
			return err
		}
	}
	if err := m.CheckPayload(f.Payload); err != nil {
		return err
	}
	if m.Ret == abi.AtHome {
		t.mustGoHome(startsProgram)
		return nil
	}
	if t.birth != nil && !abi.Failed(m.Ret) {
		if err := t.scatter(m.Outs, f.Payload); err != nil {
			return err
		}
		t.bear(m.Ret)
		return nil
	}
	if t.birth != nil { // home has made nobody
		t.birth, t.call.Nr = nil, uint64(uint32(t.regs.OrigRax))
	}
	if t.takeParts(&m) {
		return nil
	}
	t.addAway(m.Ret, f.Payload)
	if err := t.scatter(m.Outs, f.Payload); err != nil {
		m.Ret = -int64(unix.EFAULT) // another task has taken the memory away
	}
	t.noteSignalfd(m.Ret)
	t.noteCPUs(m.Ret)
	t.noteLimit(m.Ret)
	t.noteTimer(m.Ret)
	t.finish(m.Ret)
	return nil
}

// scatter writes returned bytes into the guest's memory.
func (t *task) scatter(outs []uint32, payload []byte) (failed error) {
	for i, n := range outs {
		if n == 0 {
			continue
		}
		data := payload[:n]
		payload = payload[n:]
		t.call.Spans(i, n, func(from, to uint32) {
			if _, err := t.g.mem.WriteAt(data[from:to], t.call.Regions[i].Addr+abi.Addr(from)); err != nil {
				failed = err
			}
		})
	}
	return failed
}

// finish lets the guest go on with the result of the call it stands at.
func (t *task) finish(ret int64) {
	switch ret {
	case restartSys, restartNoIntr, restartNoHand, restartBlock, -int64(unix.EINTR):
		t.finishInterrupted(ret)
		return
	}
	r := t.regs
	r.Skip(ret)
	if t.g.stopped && !t.leaveCall() {
		return
	}
	if err := t.k.SetRegs(r); err != nil {
		return // it is gone; its end is told by its stop
	}
	t.trapped = false
	t.cont(0)
}

// finishInterrupted lets the guest go on after a call that a signal interrupted.
// The signal is queued here; the guest's own kernel decides between EINTR and
// making the call again.
func (t *task) finishInterrupted(ret int64) {
	if t.call.Nr == unix.SYS_RT_SIGTIMEDWAIT && t.takePending(t.regs.Args()) {
		return
	}
	if !t.leaveCall() {
		return
	}
	r := t.regs
	switch {
	case t.temp && t.woken():
		t.borrowSuspend(&r)
	case ret == restartBlock || ret == -int64(unix.EINTR):
		r.Skip(-int64(unix.EINTR))
	default:
		r.OrigRax = t.call.Nr
		r.SetResult(ret)
	}
	if err := t.k.SetRegs(r); err != nil {
		return
	}
	t.noteSuspended()
	t.cont(0)
}

// leaveCall takes the task off the trap of its call, which it does not make, to where it can
// stand for long: other calls can be injected there, as a signal that comes meanwhile wants.
// It reports false if the task is gone.
func (t *task) leaveCall() bool {
	if err := t.settleStop(); err != nil {
		return false
	}
	if err := t.requeueDeferred(); err != nil {
		t.g.fail("signals not queued again", err)
		return false
	}
	return true
}

// settleStop brings the guest into a stop from which restart codes are looked at.
func (t *task) settleStop() error {
	if !t.trapped {
		return nil
	}
	if err := t.leaveTrap(); err != nil {
		return err
	}
	return t.k.Settle()
}

// borrowSuspend makes the guest take its signal inside rt_sigsuspend, which sets
// the call's mask for the handler and the old one afterwards, as the call itself
// would have done. The registers that it borrows are put back at the signal stop.
func (t *task) borrowSuspend(r *tracer.Regs) {
	own := *r
	t.suspend = &own
	buffers, at := t.slot.Buffers()
	binary.LittleEndian.PutUint64(buffers[maskOffset:], t.mask)
	r.OrigRax = unix.SYS_RT_SIGSUSPEND
	r.SetResult(restartNoHand)
	r.SetArgs([6]uint64{uint64(at) + maskOffset, abi.SigsetSize, r.Rdx, r.R10, r.R8, r.R9})
}

// takePending answers rt_sigtimedwait from the signals that wait at the guest.
func (t *task) takePending(args [6]uint64) bool {
	buffers, at := t.slot.Buffers()
	clear(buffers[timeOffset : timeOffset+16])
	kept := t.regs
	ret, err := t.injecting().Call(unix.SYS_RT_SIGTIMEDWAIT, args[0], args[1], uint64(at)+timeOffset, args[3])
	t.regs = kept
	if err != nil || ret <= 0 {
		return false
	}
	t.finish(ret)
	return true
}
