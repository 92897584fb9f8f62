package remote

import (
	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
)

// state is the state of a task of a guest that is alive.
//
//	running <--> waiting      held (job control): until SIGCONT
//	   |  +----> held
//	   +-------> exiting
//
// waiting: stopped, until home answers a forwarded call or takes the process back.
// held: the process was stopped by a signal's default action.
// exiting: it makes its last call, and its process goes on.
type state uint8

const (
	running state = iota
	waiting
	held
	exiting
)

// task is one thread of a guest. All of it belongs to the tracer's thread.
type task struct {
	g     *guest
	tid   abi.HomePid
	state state

	k     *tracer.Task
	slot  *tracer.Slot
	in    *tracer.Injector // while the guest is being built
	user  snapshot.State
	still bool // it stands where it may be moved, with its registers in user

	trapped    bool        // stands in a seccomp stop: the call has not been made
	regs       tracer.Regs // of that stop, or as the task will go on
	call       abi.Call    // what it has forwarded, and waits for
	row        *abi.Row
	seq        uint64 // of the frame that home has to answer
	inParts    bool   // that carries a part of the call
	mapping    *mapping
	birth      *birth
	awaits     *guest        // its child, which it has been told to wait for (man vfork)
	anew       bool          // it makes its call anew if the guest thaws
	homing     bool          // the call that it stands before is to be made at home
	until      int64         // when the limit of its futex wait is over, by home's monotonic clock; 0: it has none that is a duration
	used       image.CPUTime // by the task in the stays before
	timeAtHome homeTime
	mask       uint64 // the call's own mask, if temp
	temp       bool
	cpus       abi.CPUSet   // on which home lets it run
	unnumbered bool         // it runs on others here: it must not see their numbers
	rseq       image.Rseq   // then: what the program has registered
	suspends   bool         // it stands in a call that sets a mask, and goes on into it
	suspend    *tracer.Regs // registers to put back when a signal ends a borrowed sigsuspend
	own        *[6]uint64   // arguments to put back when a call with others ends
}

// header starts a frame about the task.
func (t *task) header(kind wire.Type) wire.Header {
	h := t.g.header(kind)
	h.Tid = t.tid
	return h
}

// cont lets the task run, unless its process has been stopped meanwhile.
func (t *task) cont(sig int) {
	if t.g.stopped && sig == 0 {
		t.state = held
		return
	}
	t.state = running
	var err error
	if t.suspends && sig == 0 {
		err = t.enterSuspended()
	}
	if t.suspends = false; err == nil {
		err = t.k.Cont(sig)
	}
	if err != nil && err != tracer.ErrGone {
		t.g.fail("guest not continued", err)
	}
}

// noteSuspended looks whether the task stands in a call that sets a signal mask. While it
// is in such a call, what the call blocks is blocked.
func (t *task) noteSuspended() {
	r, err := t.k.Regs()
	if mask, ok := r.Suspended(t.g.mem.Memory); err == nil && ok {
		t.mask, t.suspends = mask, true
	}
}

// enterSuspended takes a task into the call that it stands in, unless it stands elsewhere by
// now.
func (t *task) enterSuspended() error {
	r, err := t.k.Regs()
	if _, ok := r.Suspended(t.g.mem.Memory); err != nil || !ok {
		return err
	}
	mask, err := t.k.SigMask()
	if err != nil {
		return err
	}
	return t.k.EnterCall(r, mask)
}

// onStop takes the stops of a task. On the tracer's thread.
func (t *task) onStop(k *tracer.Task, s tracer.Stop) {
	runs := t.g.stage == alive && t.state == running
	switch {
	case s.Ended():
		t.ended(s)
	case s.Kind == tracer.StopSeccomp:
		t.onTrap()
	case s.Kind == tracer.StopSyscall && t.own != nil:
		t.returnArgs()
		k.Cont(0)
	case s.Kind == tracer.StopSignal && runs:
		t.onSignal(s.Signal)
	case runs || t.g.stage == arriving || t.state == exiting:
		k.Cont(0) // a late interrupt, or the wake-up by SIGCONT
	}
}

// ended meets the end of a task: it was to come, or the guest has died here without
// home's knowledge.
func (t *task) ended(s tracer.Stop) {
	g := t.g
	switch {
	case g.stage == gone:
		return
	case t.state == exiting:
		g.remove(t)
		return
	}
	g.x.log.Warn().Int("pid", int(g.pid)).Int("tid", int(t.tid)).Stringer("end", s).Msg("guest ended")
	h, body := g.header(wire.TypeFault), any(killed())
	if g.stage == arriving { // home still has it
		h, body = g.answer(wire.TypeRebuilt), &wire.Rebuilt{Failure: "the guest was killed on its arrival"}
	}
	g.discard()
	g.x.send(h, body)
}

// remove forgets a task that has ended.
func (g *guest) remove(t *task) {
	var left []*task
	for _, other := range g.tasks {
		if other != t {
			left = append(left, other)
		}
	}
	g.tasks = left
}

// awaitEnd waits until a task that has been killed is gone.
func (t *task) awaitEnd() {
	for t.k != nil {
		if _, err := t.k.Wait(); err != nil {
			return
		}
		t.k.Cont(0)
	}
}

// exit ends the task alone; its own in the body ends, too.
func (t *task) exit(status int) {
	t.g.x.send(t.header(wire.TypeExit), &wire.Exit{Status: status})
	t.state, t.trapped = exiting, false
	t.k.Cont(0)
}

// haltAll stops every task of the guest, and serves none meanwhile: what one of them is
// about to do could let another go on. It reports false if the guest is gone.
func (g *guest) haltAll() bool {
	g.halting = true
	defer func() { g.halting = false }()
	for _, t := range g.tasks {
		if t.halt(); t.state == exiting {
			t.awaitExit()
		}
		if g.stage == gone {
			return false
		}
	}
	return true
}

// awaitExit waits until a task that ends by itself is gone.
func (t *task) awaitExit() {
	for {
		s, err := t.k.Wait()
		if err != nil {
			t.ended(s)
			return
		}
		t.onStop(t.k, s)
	}
}

// halt stops a running task. It reports false if it is gone. One that was about to
// make a call is waiting for its outcome afterwards, or, if all are to stop, still
// about to make it.
func (t *task) halt() bool {
	for t.g.stage == alive && t.state == running {
		// Any other stop takes the interrupt with it: it is asked for each time.
		if t.k.Interrupt() != nil {
			return false
		}
		s, err := t.k.Wait()
		if err != nil {
			t.ended(s)
			return false
		}
		if s.Kind == tracer.StopTrap {
			t.noteSuspended()
			return true
		}
		if t.onStop(t.k, s); t.g.halting && t.trapped {
			return true
		}
	}
	return t.g.stage != gone && t.state != exiting
}

// askHome has home take the process back: the task makes its next call there.
func (t *task) askHome(why string) { t.askHomeAt(why, 0) }

// askHomeAt is askHome for a call that looks at the memory of another process.
func (t *task) askHomeAt(why string, at abi.HomePid) {
	if t.g.stage != alive {
		return
	}
	if t.trapped && t.state == running {
		t.state, t.homing = waiting, true
	}
	t.g.x.send(t.header(wire.TypeComeHome), &wire.Reason{Text: why, Must: t.homing, At: at})
}

// askHome has home take the process back when it can.
func (g *guest) askHome(why string) {
	if g.stage == alive {
		g.x.send(g.header(wire.TypeComeHome), &wire.Reason{Text: why})
	}
}

// exit ends the guest as it wished; its body ends with the same status.
func (g *guest) exit(t *task, status int) {
	m := wire.Exit{Status: status, Group: true, Usage: g.usage()}
	h := t.header(wire.TypeExit)
	g.discard()
	g.x.send(h, &m)
}
