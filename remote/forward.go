package remote

import (
	"encoding/binary"
	"fmt"

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
func (g *guest) forward(row *abi.Row, nr uint64, args [6]uint64) {
	if nr == unix.SYS_RT_SIGTIMEDWAIT && g.takePending(args) {
		return
	}
	var planned [6]uint64
	planned, g.mask, g.temp = row.Mask.Take(args, g.mem)
	if _, refusal := abi.PlanInto(&g.call, nr, planned, g.mem); refusal != "" {
		g.askHome(string(refusal))
		return
	}
	payload, err := g.gather(&g.call)
	if err != nil {
		g.fail("call not forwarded", err)
		return
	}
	m := wire.Call{Call: g.call, Mask: g.callMask(row, &args)}
	g.state, g.row = waiting, row
	seq, err := g.x.link.SendNumbered(g.header(wire.TypeCall), &m, payload)
	if err != nil {
		g.x.end(err)
	}
	g.seq = seq
}

// callMask is what the body blocks during the call: what the guest blocks, and
// what it would take no notice of.
func (g *guest) callMask(row *abi.Row, args *[6]uint64) uint64 {
	if !row.Blocks(args) {
		return 0
	}
	mask := g.mask
	if !g.temp {
		mask, _ = g.task.SigMask()
	}
	_, caught, err := tracer.Dispositions(g.task.Tid)
	if err != nil {
		return mask
	}
	if set, ok := g.awaited(); ok {
		mask &^= set
	}
	return mask | g.ignored | quietSignals&^caught
}

// awaited is the set of signals that a trapped rt_sigtimedwait waits for.
func (g *guest) awaited() (set uint64, ok bool) {
	var b [8]byte
	if g.call.Nr != unix.SYS_RT_SIGTIMEDWAIT {
		return 0, false
	}
	if _, err := g.mem.ReadAt(b[:], abi.Addr(g.call.Args[0])); err != nil {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[:]), true
}

// gather reads the bytes that travel with a call.
func (g *guest) gather(c *abi.Call) ([]byte, error) {
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
		if _, err := g.mem.ReadAt(payload[at:at+int(r.Avail)], r.Addr); err != nil {
			return nil, err
		}
		at += int(r.Avail)
	}
	return payload, nil
}

// resume waits on for a call that the body is in, or has ended meanwhile.
func (g *guest) resume(nr uint64, args [6]uint64) {
	row := abi.Lookup(nr)
	if row == nil {
		g.fail("call not resumed", fmt.Errorf("unknown call %d", nr))
		return
	}
	var planned [6]uint64
	planned, g.mask, g.temp = row.Mask.Take(args, g.mem)
	if _, refusal := abi.PlanInto(&g.call, nr, planned, g.mem); refusal != "" {
		g.fail("call not resumed", fmt.Errorf("%s", refusal))
		return
	}
	g.state, g.row = waiting, row
	m := wire.Call{Call: g.call, Flags: wire.Resume}
	seq, err := g.x.link.SendNumbered(g.header(wire.TypeCall), &m)
	if err != nil {
		g.x.end(err)
	}
	g.seq = seq
	g.interruptIfPending()
}

// takeReply gives the guest the outcome of its call.
func (g *guest) takeReply(f *link.Frame) error {
	if g.state != waiting || f.Ack != g.seq {
		return nil // the guest was frozen meanwhile: it will ask again
	}
	var m wire.Reply
	if err := f.Decode(&m); err != nil {
		return err
	}
	if err := g.call.CheckOuts(m.Outs); err != nil {
		return err
	}
	if err := m.CheckPayload(f.Payload); err != nil {
		return err
	}
	if err := g.scatter(m.Outs, f.Payload); err != nil {
		g.fail("outcome not written", err)
		return nil
	}
	g.finish(m.Ret)
	return nil
}

// scatter writes returned bytes into the guest's memory.
func (g *guest) scatter(outs []uint32, payload []byte) (failed error) {
	for i, n := range outs {
		if n == 0 {
			continue
		}
		data := payload[:n]
		payload = payload[n:]
		g.call.Spans(i, n, func(from, to uint32) {
			if _, err := g.mem.WriteAt(data[from:to], g.call.Regions[i].Addr+abi.Addr(from)); err != nil {
				failed = err
			}
		})
	}
	return failed
}

// finish lets the guest go on with the result of the call it stands at.
func (g *guest) finish(ret int64) {
	switch ret {
	case restartSys, restartNoIntr, restartNoHand, restartBlock, -int64(unix.EINTR):
		g.finishInterrupted(ret)
		return
	}
	r := g.regs
	r.Skip(ret)
	if err := g.task.SetRegs(r); err != nil {
		return // it is gone; its end is told by its stop
	}
	g.trapped = false
	g.cont(0)
}

// finishInterrupted lets the guest go on after a call that a signal interrupted.
// The signal is queued here; the guest's own kernel decides between EINTR and
// making the call again.
func (g *guest) finishInterrupted(ret int64) {
	if g.call.Nr == unix.SYS_RT_SIGTIMEDWAIT && g.takePending(g.regs.Args()) {
		return
	}
	if err := g.settleStop(); err != nil {
		return
	}
	r := g.regs
	switch {
	case g.temp:
		g.borrowSuspend(&r)
	case ret == restartBlock || ret == -int64(unix.EINTR):
		r.Skip(-int64(unix.EINTR))
	default:
		r.OrigRax = g.call.Nr
		r.SetResult(ret)
	}
	if err := g.task.SetRegs(r); err != nil {
		return
	}
	g.cont(0)
}

// settleStop brings the guest into a stop from which restart codes are looked at.
func (g *guest) settleStop() error {
	if !g.trapped {
		return nil
	}
	if err := g.leaveTrap(); err != nil {
		return err
	}
	if err := g.task.Settle(); err != nil {
		return err
	}
	for _, info := range g.task.TakeDeferred() {
		if err := g.queueBy(g.injecting(), info[:]); err != nil {
			return err
		}
	}
	return nil
}

// borrowSuspend makes the guest take its signal inside rt_sigsuspend, which sets
// the call's mask for the handler and the old one afterwards, as the call itself
// would have done. The registers that it borrows are put back at the signal stop.
func (g *guest) borrowSuspend(r *tracer.Regs) {
	own := *r
	g.suspend = &own
	buffers, at := g.loop.Buffers()
	binary.LittleEndian.PutUint64(buffers[maskOffset:], g.mask)
	r.Rewind(unix.SYS_RT_SIGSUSPEND)
	r.SetArgs([6]uint64{uint64(at) + maskOffset, abi.SigsetSize, r.Rdx, r.R10, r.R8, r.R9})
}

// takePending answers rt_sigtimedwait from the signals that wait at the guest.
func (g *guest) takePending(args [6]uint64) bool {
	buffers, at := g.loop.Buffers()
	clear(buffers[timeOffset : timeOffset+16])
	kept := g.regs
	ret, err := g.injecting().Call(unix.SYS_RT_SIGTIMEDWAIT, args[0], args[1], uint64(at)+timeOffset, args[3])
	g.regs = kept
	if err != nil || ret <= 0 {
		return false
	}
	g.finish(ret)
	return true
}
