package deputy

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/link"
)

// call is a system call of the guest that the body executes. It goes on when the
// process moves: its outcome waits here for whoever asks for it.
type call struct {
	b      *body
	t      *task
	plan   abi.Call // as the program made it
	row    *abi.Row
	nr     uint64 // as executed
	args   [6]uint64
	whole  [6]uint64  // as args at first, before parts of the call were made
	moved  int64      // bytes that these parts have moved
	addrs  []abi.Addr // where the regions are in the body
	data   [][]byte   // our view of them
	fences []abi.Addr // pages behind regions that end early
	partial

	// original: the program was in this call at home when it was moved; pointers
	// are its own, and nr may be restart_syscall.
	original bool
	woken    bool // signals wait that end it, unless something else does at once
	begun    bool
	futex    *image.PendingCall // a wait at home in the program's stead
	events   int16              // of a socket call with a deadline: what it waits for
	polling  bool               // it does so just now
	shared   bool               // it sends a signal to its own process
	mask     uint64             // signals that are blocked during the call
	// dropsSignalfd: it may close one.
	dropsSignalfd bool
	slot          *tracer.Slot
	halted        bool      // ended because the process was stopped
	since         time.Time // when the program began it, as far as is known
	deadline      time.Time // of a call that must be made again after an interruption

	view   string      // of the memory of a process, which it has opened
	viewed abi.HomePid // whose, if it is another's that has yet to come home; guarded by Deputy.mu

	ending  sync.Mutex // held while the outcome is taken
	fetched bool       // data is what the call has written, whatever becomes of the memory

	// Guarded by body.mu:
	peer *peer // who waits for the outcome, by frame seq; nil: nobody now
	seq  uint64
	done bool
	ret  int64
	outs []uint32
}

// inlineWait is how long a forwarded call may keep the link's thread waiting. A
// call that takes longer gets a goroutine of its own. Where other threads wait for
// their turn, one that may block keeps it for less.
const (
	inlineWait  = 200 * time.Microsecond
	inlineShort = 30 * time.Microsecond
)

func (c *call) inlineWait() time.Duration {
	if c.row != nil && c.row.Blocks(&c.args) && c.b.threaded() {
		return inlineShort
	}
	return inlineWait
}

// keepBuffers is how much buffer memory stays allocated between calls, in bytes.
const keepBuffers = 1 << 20

// serveCall executes a forwarded call, or goes on waiting for one. On the link's thread.
func (t *task) serveCall(p *peer, f *link.Frame) error {
	var m wire.Call
	if err := f.Decode(&m); err != nil {
		return err
	}
	b := t.b
	<-b.readiness()
	b.using.RLock()
	defer b.using.RUnlock()
	if m.Flags&wire.Resume != 0 {
		return t.resume(p, f.Seq)
	}
	t.awaitTold()
	t.trim()
	c, err := t.newCall(&m, f.Payload)
	if err != nil {
		return err
	}
	c.peer, c.seq = p, f.Seq
	switch {
	case c.others && c.before == 0 && !c.takesParts(false):
		c.flags = wire.Whole
		c.settle(0)
		c.answer()
		return nil
	case c.nr == unix.SYS_CLONE && c.args[0]&unix.CLONE_THREAD != 0:
		c.settle(t.spawn())
		c.answer()
		return nil
	case c.nr == unix.SYS_CLONE:
		c.fork()
		return nil
	case c.nr == unix.SYS_EXECVE || c.nr == unix.SYS_EXECVEAT:
		c.exec(m.Mask, f.Ack)
		return nil
	case c.setsTimer():
		c.setTimer()
		return nil
	}
	c.toSelf()
	t.setCall(c)
	c.count()
	c.start()
	_, ok, err := t.slot.Wait(c.inlineWait())
	switch {
	case err != nil:
		return nil // the process has ended; that is told elsewhere
	case ok && c.takeOutcome():
		c.conclude()
	default:
		go c.await()
	}
	return nil
}

// count counts the call among those that the user is told of.
func (c *call) count() {
	if c.row == nil {
		return
	}
	c.b.mu.Lock()
	c.b.stats.calls[c.row.Name]++
	c.b.mu.Unlock()
}

func (b *body) readiness() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ready
}

// resume answers for the call that the body is in, or has ended already.
func (t *task) resume(p *peer, seq uint64) error {
	b := t.b
	b.mu.Lock()
	c := t.call
	if c == nil {
		b.mu.Unlock()
		return fmt.Errorf("task %d of process %d is in no call to resume", t.tid, b.pid)
	}
	c.peer, c.seq = p, seq
	done := c.done
	b.mu.Unlock()
	if done {
		c.conclude()
	}
	return nil
}

// newCall checks a call from a peer and lays its memory out in the body.
func (t *task) newCall(m *wire.Call, payload []byte) (*call, error) {
	if err := m.Call.Check(); err != nil {
		return nil, err
	}
	if err := m.CheckPayload(payload); err != nil {
		return nil, err
	}
	if (m.From > 0 || m.Flags&wire.Part != 0) && !hasParts(m.Call.Nr) || m.From > abi.MaxRW {
		return nil, fmt.Errorf("call %d: a part from byte %d on", m.Call.Nr, m.From)
	}
	c := &call{b: t.b, t: t, plan: m.Call, row: abi.Lookup(m.Call.Nr), nr: m.Call.Nr,
		partial: partial{before: int64(m.From), others: m.Flags&wire.Part != 0}}
	if err := c.layout(payload); err != nil {
		return nil, err
	}
	if m.Flags&wire.Woken != 0 {
		c.hurry()
	}
	c.mask, c.dropsSignalfd = m.Mask, c.mayDropSignalfd()
	if c.row != nil && c.row.Blocks(&c.args) {
		t.slot.Masks(m.Mask|t.b.openMask, t.b.openMask)
	} else {
		t.slot.Masks(t.b.openMask, t.b.openMask)
	}
	return c, nil
}

// layout gives each region a place in the buffers, at the same offset in its
// page. A region that the program gave too short ends at an unmapped page, as it
// does there: so the kernel itself decides about errors and short counts.
func (c *call) layout(payload []byte) error {
	buffers, base := c.t.slot.Buffers()
	at := 0
	c.addrs, c.data = make([]abi.Addr, len(c.plan.Regions)), make([][]byte, len(c.plan.Regions))
	for i := range c.plan.Regions {
		r := &c.plan.Regions[i]
		switch {
		case r.Addr >= abi.TaskSize || r.Len > uint64(abi.TaskSize-r.Addr) && c.row != nil && c.row.ChecksBounds():
			c.addrs[i] = r.Addr // no user memory: the kernel sees that first
		case r.Avail == 0:
			c.addrs[i] = c.b.loop.Unmapped(r.Addr)
		default:
			off := (at+abi.PageSize-1)&^(abi.PageSize-1) + int(r.Addr%abi.PageSize)
			if off+int(r.Avail)+abi.PageSize > bufferBytes {
				return fmt.Errorf("call %d: its memory does not fit", c.plan.Nr)
			}
			at = off + int(r.Avail)
			c.addrs[i], c.data[i] = base+abi.Addr(off), buffers[off:at:at]
			if r.Avail < r.Len {
				c.fences = append(c.fences, (base + abi.Addr(at)).PageUp())
				at = int((base+abi.Addr(at)).PageUp()-base) + abi.PageSize
			}
		}
		if r.Dir&abi.In != 0 {
			copy(c.data[i], payload)
			payload = payload[r.Avail:]
		}
	}
	c.args = c.plan.Relocate(c.addrs, c.data)
	c.whole = c.args
	return nil
}

// start hands the call to the body.
func (c *call) start() {
	c.begun, c.slot = true, c.t.slot
	if c.since.IsZero() {
		c.since = time.Now()
	}
	c.nr, c.args = c.remaining(c.nr, c.args)
	c.raiseFences()
	c.t.slot.Start(c.nr, c.args)
}

// raiseFences protects the pages behind the regions of the call that end early,
// and no longer those of the call before.
func (c *call) raiseFences() {
	t := c.t
	protect := func(pages []abi.Addr, protection uint64) {
		for _, page := range pages {
			t.slot.Call(unix.SYS_MPROTECT, uint64(page), abi.PageSize, protection)
		}
	}
	t.sweep()
	protect(t.fences, unix.PROT_READ|unix.PROT_WRITE)
	protect(c.fences, unix.PROT_NONE)
	t.fences = c.fences
	if len(c.fences) > 0 {
		t.b.raised.Store(true)
	}
}

// sweep takes away, before the task's first call, the fences of those that had its slot
// before: threads that have ended, or tasks of a parent, whose window is inherited with them.
func (t *task) sweep() {
	if !t.swept && t.b.raised.Load() {
		_, at := t.slot.Buffers()
		t.slot.Call(unix.SYS_MPROTECT, uint64(at), tracer.BufferBytes, unix.PROT_READ|unix.PROT_WRITE)
	}
	t.swept = true
}

// goOn makes the call that the program was in when it was moved out. A nil call,
// or one that is in the body already, needs nothing.
func (c *call) goOn() {
	if c == nil || c.begun {
		return
	}
	c.begin(c.b.openMask)
}

// begin starts a call that nobody waits for inline; idle is blocked afterwards.
func (c *call) begin(idle uint64) {
	c.t.slot.Masks(c.mask|c.b.openMask, idle)
	c.start()
	go c.await()
}

// asMade is the arguments as the program has made the call: with the mask that it sets,
// which the plan leaves out, and whole.
func (c *call) asMade() [6]uint64 {
	if c.setsMask() || c.isPart() {
		return c.t.user.Regs.Args()
	}
	return c.plan.Args
}

// number is the call's number as the program has made it: a part of a writev is a write.
func (c *call) number() uint64 {
	if c.isPart() {
		return uint64(c.t.user.Regs.Nr())
	}
	return c.plan.Nr
}

// setsMask tells whether the call may have a signal mask of its own.
func (c *call) setsMask() bool { return c.row != nil && c.row.Mask.Arg != 0 }

// busy tells whether the body is in the call.
func (c *call) busy() bool { return c != nil && c.begun && !c.done }

// await waits for the end of a call that blocks.
func (c *call) await() {
	c.b.using.RLock()
	defer c.b.using.RUnlock()
	for {
		if _, ok, err := c.slot.Wait(0); !ok || err != nil {
			return
		}
		if c.takeOutcome() {
			c.conclude()
			return
		}
	}
}

// takeOutcome takes the outcome of a call that has ended. It reports false if the
// call goes on. Whoever comes first takes it: the one who waits for it, or a move,
// which is about to replace the memory that the call has written to.
func (c *call) takeOutcome() bool {
	c.ending.Lock()
	defer c.ending.Unlock()
	if c.done {
		return true
	}
	ret, ok := c.slot.Done()
	if ok {
		ret, ok = c.polled(ret)
	}
	if ok {
		c.setOutcome(ret)
	}
	return ok
}

// setOutcome notes the outcome. With ending held.
func (c *call) setOutcome(ret int64) {
	if c.original && !c.fetched {
		c.fetch()
	}
	if c.woken && ret == 0 {
		ret = restartNoHand
	}
	c.noteParts(ret)
	ret = c.sum(ret)
	outs := c.outsOf(ret)
	c.addChildren(ret)
	c.noteView(ret)
	c.b.mu.Lock()
	c.ret, c.outs, c.done = ret, outs, true
	c.b.mu.Unlock()
}

// outsOf is how many bytes of each region go back. A region that reaches beyond user
// space may have been left to the kernel (layout): then no byte of it is here.
func (c *call) outsOf(ret int64) []uint32 {
	if c.isPart() {
		return nil // the guest's own call has other regions
	}
	outs := c.plan.Outs(ret, func(i int) []byte { return c.data[i] })
	for i := range outs {
		outs[i] = min(outs[i], uint32(len(c.data[i])))
	}
	return outs
}

// keepOutcome takes what the call of a stopped body has written so far out of the
// program's memory, which is about to be replaced. An interrupted call may have
// written, too: select, for one, leaves the time that remains. On the tracer's
// thread, in a session.
func (c *call) keepOutcome() {
	if !c.busy() || c.takeOutcome() {
		return
	}
	c.goOnShort(c.t.in.Regs())
	c.ending.Lock()
	defer c.ending.Unlock()
	if !c.original || c.fetched {
		return // what it has written is not there any more
	}
	c.fetch()
	place := c.t.slot.At(c.t.in.Regs())
	c.fetched = place == tracer.PlaceAfterCall || place == tracer.PlaceInCall && !interrupted(c.t.in.Regs())
}

// conclude tells whoever waits for the outcome, unless the call has opened a view of
// the memory of a process: that has to be at home before it is looked at. If it is the
// program's own, the outcome waits for it there.
func (c *call) conclude() {
	b := c.b
	b.mu.Lock()
	current := c.t.call == c
	answer, land := current && b.state == away && c.peer != nil, current && c.t.lingering
	b.mu.Unlock()
	switch {
	case land:
		b.d.tracer.Post(func() { c.t.landNow() })
	case !answer:
	case c.awaitsLooked():
		c.answerLooked()
	case snapshot.IsMemoryView(abi.LocalPid(b.pid), c.view):
		b.comeHome("it looks at its own memory ("+c.view+")", true)
	case b.own.Load().inUse():
		b.comeHome(isUsed, true)
	case b.mapsChanged():
		b.comeHome(isChanged, true)
	case c.limitsCPU():
		b.comeHome("it limits its CPU time", true)
	default:
		c.noteSignalfd()
		c.answer()
	}
}

// limitsCPU tells whether a call that has been made limits the CPU time of the process.
func (c *call) limitsCPU() bool {
	args := c.plan.Args
	switch {
	case c.ret < 0:
		return false
	case c.plan.Nr == unix.SYS_SETRLIMIT && args[0] == unix.RLIMIT_CPU:
	case c.plan.Nr == unix.SYS_PRLIMIT64 && args[1] == unix.RLIMIT_CPU && args[2] != 0:
	default:
		return false
	}
	return snapshot.LimitsCPU(abi.LocalPid(c.b.pid))
}

// fetch reads what the kernel wrote to the program's own addresses.
func (c *call) fetch() {
	c.data = make([][]byte, len(c.plan.Regions))
	for i, r := range c.plan.Regions {
		c.data[i] = make([]byte, r.Avail)
		c.b.mem.ForceRead(c.data[i], r.Addr)
	}
}

// replyType is how the outcome is told.
func (c *call) replyType() wire.Type {
	if c.plan.Nr == unix.SYS_CLONE && c.plan.Args[0]&unix.CLONE_THREAD == 0 && c.ret > 0 {
		return wire.TypeBorn
	}
	return wire.TypeReply
}

// answer sends the outcome to who waits for it, and tells whether anybody does: the process
// may be about to move. What fails on the link is told by its receiver.
func (c *call) answer() bool {
	b := c.b
	b.mu.Lock()
	p, seq := c.peer, c.seq
	h := wire.Header{Type: c.replyType(), Ack: seq, Pid: b.pid, Tid: c.t.tid, Inc: b.inc}
	b.mu.Unlock()
	if p == nil {
		return false
	}
	payload := make([][]byte, 0, 4)
	for i, n := range c.outs {
		if n > 0 {
			payload = append(payload, c.data[i][:n])
		}
	}
	_ = p.link.Send(h, &wire.Reply{Ret: c.ret, Outs: c.outs, Flags: c.flags}, payload...)
	return true
}

// trim gives back the memory of a large transfer when the next call begins: until
// then a move may still need the outcome.
func (t *task) trim() {
	if c := t.call; c != nil && !c.original && c.size() > keepBuffers {
		t.slot.Trim()
	}
}

// size is how many bytes the regions have.
func (c *call) size() (total uint64) {
	for i := range c.plan.Regions {
		total += c.plan.Regions[i].Avail
	}
	return total
}

// pages are the regions that must stay in the body while the call goes on.
func (c *call) pages() []abi.Region {
	if c == nil || !c.original {
		return nil
	}
	return c.plan.Regions
}

// serveTell executes a call whose outcome nobody waits for. A stopped body, whose guest maps
// a file that it had asked for before, makes it when it goes on.
func (t *task) serveTell(f *link.Frame) error {
	var m wire.Call
	if err := f.Decode(&m); err != nil {
		return err
	}
	b := t.b
	<-b.readiness()
	b.using.RLock()
	defer b.using.RUnlock()
	t.awaitTold()
	c, err := t.newCall(&m, f.Payload)
	if err != nil {
		return err
	}
	c.start()
	if _, ok, err := t.slot.Wait(inlineWait); err == nil && !ok {
		t.told.Store(true)
	}
	return nil
}

// awaitTold waits until the task has made the call that it was told to: what the guest wants
// next comes behind it.
func (t *task) awaitTold() {
	if t.told.Swap(false) && t.slot.Busy() {
		t.slot.Wait(tellLimit)
	}
}

// tellLimit bounds a call that never blocks.
const tellLimit = 5 * time.Second
