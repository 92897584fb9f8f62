package deputy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
)

// task is one thread of a process at its home. Away it executes the calls of its own
// task at the guest, so that two tasks block independently.
type task struct {
	b   *body
	tid abi.HomePid

	// Of the tracer's thread:
	k        *tracer.Task // nil while nobody traces it
	slot     *tracer.Slot
	in       *tracer.Injector // while it is stopped for a move
	user     snapshot.State
	fences   []abi.Addr         // protected pages of the call made last
	swept    bool               // no others of its slot are protected
	stands   bool               // it has stopped already for the move that is to come
	slept    sleep              // what the program was asleep in before it was stopped
	wait     *image.PendingCall // a futex wait that the program is in
	cut      bool               // it was taken out of a call that it has not yet noticed
	unbroken unbroken           // its call at home, while traced early
	kept     []tracer.Siginfo   // its own signals taken off on the way, to be delivered
	delivers *tracer.Siginfo    // one of them that it takes as it is let go
	used     image.CPUTime      // by its tasks at guests
	exiting  bool               // it executes its exit, without its process
	flood    flood

	told atomic.Bool // a call that nobody waits for may still be in its slot

	// Guarded by body.mu:
	call      *call
	lingering bool // the process is at home, the task still in a call of the stay away
}

// The end of a task's buffers is for our own calls, out of the way of the program's.
const (
	bufferBytes   = abi.MaxCallBytes
	scratchOffset = 61 << 20
	pathOffset    = 62 << 20
	smallOffset   = 63 << 20
	limitOffset   = smallOffset + 4096 // what remains of a call's time limit
	futexOffset   = limitOffset + 128  // when a futex wait ends
	messageOffset = smallOffset + 8192 // what remains of a message
	vectorOffset  = messageOffset + 64 // and of a vector, up to 16 KiB
)

// task is the task of that number, or nil.
func (b *body) task(tid abi.HomePid) *task {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.tasks {
		if t.tid == tid {
			return t
		}
	}
	return nil
}

// add makes a task known. On the tracer's thread.
func (b *body) add(t *task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tasks = append(b.tasks[:len(b.tasks):len(b.tasks)], t)
}

// remove forgets a task that has ended, but never the leader. On the tracer's thread.
func (b *body) remove(t *task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var left []*task
	for _, other := range b.tasks {
		if other != t || other.tid == b.pid {
			left = append(left, other)
		}
	}
	b.tasks = left
}

// beginHeld begins a session in a task that was stopped wherever it was in its loop.
func (t *task) beginHeld() error {
	t.takeDeferred()
	if err := t.beginSession(); err != nil {
		return err
	}
	t.current().keepOutcome()
	return nil
}

// stop stops the task wherever it is in its loop. One whose process is on its way out
// does not stop any more.
func (t *task) stop() error {
	if t.k == nil || t.b.leaving {
		return tracer.ErrGone
	}
	if _, err := t.k.StopWithin(stopLimit); err != nil {
		return fmt.Errorf("stop task %d of %d: %w", t.tid, t.b.pid, err)
	}
	return nil
}

// hold stops the task and begins a session.
func (t *task) hold() error {
	if err := t.stop(); err != nil {
		return err
	}
	return t.beginHeld()
}

// beginSession begins to inject calls into the stopped task.
func (t *task) beginSession() (err error) {
	if t.in, err = t.k.Injector(t.b.loop.Insn()); err == nil && t.slot != nil {
		t.in.UseLoop(t.slot)
	}
	return err
}

// endSession leaves the task stopped with its registers as they were, or as they
// were set in the session.
func (t *task) endSession() error {
	in := t.in
	t.in = nil
	return in.End()
}

// current is the call that the task is in or has made last.
func (t *task) current() *call {
	t.b.mu.Lock()
	defer t.b.mu.Unlock()
	return t.call
}

func (t *task) setCall(c *call) {
	t.b.mu.Lock()
	t.call = c
	t.b.mu.Unlock()
}

// isOwn tells whether a signal that is about to be delivered to the task was sent to
// this task, not to its process. The kernel does not say which queue it has been in.
func (t *task) isOwn(info *tracer.Siginfo) bool {
	sender := abi.HomePid(binary.LittleEndian.Uint32(info[16:]))
	switch c := t.current(); info.Code() {
	case abi.SiTkill:
		return true
	case abi.SiTimer:
		return t.b.timerTask(int(sender), t) == t.tid // the field is the timer's number
	case abi.SiUser: // the kernel's own, to the task that makes the call
		pipe := info.Signal() == int(unix.SIGPIPE) || info.Signal() == int(unix.SIGXFSZ)
		return pipe && sender == t.b.pid && !c.isShared()
	case abi.SiQueue:
		return sender == t.b.pid && !c.isShared()
	}
	return false
}

// keep keeps a signal that was taken off the task: its own, or one of the process.
func (t *task) keep(info tracer.Siginfo) {
	if ends(info.Signal()) != 0 {
		t.b.keepContinuation()
	}
	list := &t.b.kept
	if t.isOwn(&info) {
		list = &t.kept
	}
	*list = withTimers(*list, info)
}

// withTimers adds signals to a list. Of a timer there is one at most.
func withTimers(list []tracer.Siginfo, more ...tracer.Siginfo) []tracer.Siginfo {
	for i := range more {
		if !tracer.JoinTimer(list, &more[i]) {
			list = append(list, more[i])
		}
	}
	return list
}

// takeDeferred keeps the signals that were met while the task was being stopped. At
// home they were about to be delivered to this task, before all that is pending.
func (t *task) takeDeferred() {
	for _, info := range t.k.TakeDeferred() {
		if t.b.now() == away {
			t.keep(info)
		} else {
			t.kept = append(t.kept, info)
		}
	}
}

// enterAgain takes a task, whose registers and memory are its own, into the call that it is
// about to make again, and tells whether it has: a signal that comes now ends the call, as it
// would if nobody had stopped the task. Before the call it would be handled first, and the
// call might wait for ever.
func (t *task) enterAgain() bool {
	m, err := tracer.OpenMemory(t.k.Tid)
	if err != nil {
		return false // it has ended
	}
	defer m.Close()
	r, err := t.k.Regs()
	mask, maskErr := t.k.SigMask()
	if err != nil || maskErr != nil {
		return false
	}
	_, suspended := r.Suspended(m)
	if suspended || t.endsBySignal(&r) {
		_ = t.k.EnterCall(r, mask) // if it is gone, its end is told by its stop
		return true
	}
	return false
}

// endsBySignal tells whether a task is about to make a call again that a signal which is
// handled would have ended, and that it can be taken into. A signal that was kept for the task
// is about to end it anyway.
func (t *task) endsBySignal(r *tracer.Regs) bool {
	if code := r.Result(); r.Nr() < 0 || code != restartSys && code != restartNoHand {
		return false
	}
	row := abi.Lookup(uint64(r.Nr()))
	wakes := row != nil && row.Interrupt&abi.RawEINTR != 0 && !t.staysTraced() // as endsWhenLetGo says
	return row != nil && !wakes && len(t.kept)+len(t.b.kept) == 0 && !t.k.InGroupStop()
}

// resumeCall has a task, which was stopped in vain, go on with a call that only the stop has
// ended. One whose limit is in the program's memory has ended. It tells whether the task is
// in the call again: a signal that comes now ends that. One that is to be let go for good
// would leave the call at once (endsWhenLetGo), and begins it when it is.
func (t *task) resumeCall() (entered bool, err error) {
	r, err := t.k.Regs()
	if err != nil || r.Result() != rawInterrupted || !interrupted(&r) {
		return false, err
	}
	blocked, err := tracer.Blocked(t.k.Tid)
	if err != nil || t.k.InGroupStop() || t.lets(blocked) {
		return false, err // a signal or a stop does
	}
	row, args, again := abi.Lookup(uint64(r.Nr())), r.Args(), r
	if row.Timeout.Relative(&args) {
		if row.Timeout.Size() != 0 {
			return false, nil
		}
		limit, _ := row.Timeout.Read(&args, nil)
		args[row.Timeout.Arg], _ = row.Timeout.Rest(limit - time.Since(t.slept.sinceWhen(row.Nr)))
		again.SetArgs(args)
	}
	if t.staysTraced() {
		mask, err := t.k.SigMask()
		if err == nil {
			err = t.k.EnterCall(again, mask)
		}
		return err == nil, err
	}
	again.Rewind(row.Nr)
	if err := t.k.SetRegs(again); err != nil || !t.lets(blocked) {
		return false, err
	}
	return false, t.k.SetRegs(r) // a signal has come meanwhile
}

// staysTraced tells whether the task is traced at home, too.
func (t *task) staysTraced() bool {
	return (t.b.early || t.b.placing != nil) && t == t.b.leader()
}

// letGo ends our hold of a task whose registers and memory are its own.
func (t *task) letGo() error {
	if t.k == nil {
		return nil
	}
	entered := t.delivers == nil && t.enterAgain()
	t.takeDeferred()
	resumed, err := t.resumeCall()
	if err != nil && !errors.Is(err, tracer.ErrGone) {
		return err
	}
	again := append(t.kept, t.b.kept...)
	t.kept, t.b.kept = nil, nil
	if mask, err := t.k.SigMask(); err == nil && !entered && !resumed {
		again = t.setAside(again, mask)
	}
	// It stands in no signal stop, where one could be delivered: they are sent again.
	for _, info := range again {
		t.k.Resend(abi.LocalPid(t.b.pid), &info)
	}
	sig, err := t.takeAside()
	if errors.Is(err, tracer.ErrGone) {
		t.k = nil
		return nil
	}
	if err != nil {
		return err
	}
	if t.staysTraced() { // at home the program outlives its deputy
		if err := t.k.SetOptions(seizeOptions); err != nil {
			return err
		}
		return t.k.Cont(sig)
	}
	err = t.k.Detach(sig)
	t.k = nil
	if err == tracer.ErrGone {
		return nil
	}
	return err
}
