package remote

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer"
)

// The timers of a program run at home, where nothing is blocked: each expiration arrives as a
// signal of its own. The kernel has one signal of a timer pending at most, which tells for how
// many expirations it stands (man timer_getoverrun), and so has the guest.

// timerSignal is what is known of the signals of a timer.
type timerSignal struct {
	by     *task // in whose queue the last one was put, or in that of its process
	own    bool
	last   int32 // its overrun
	before int32 // and that of the one before it
}

// queueArrived queues a signal that has arrived in the stopped task or, by the leader, in its
// process.
func (t *task) queueArrived(info *tracer.Siginfo, own bool) error {
	if _, ok := info.Timer(); ok {
		if t.drops(info.Signal()) {
			return nil // it is not delivered, and tells nothing
		}
		joined, err := t.joinTimer(info, own)
		if joined || err != nil {
			return err
		}
	}
	return t.queue(t.injecting(), info[:], own)
}

// drops tells whether the kernel drops a signal that is sent to the task, or by the leader to
// its process (kernel/signal.c, sig_ignored).
func (t *task) drops(sig int) bool {
	ignored := t.g.ignored&(1<<(sig-1)) != 0 || t.g.defaultAction(sig)&quietSignals != 0
	return ignored && !t.blocks(sig)
}

// joinTimer adds a signal of a timer to the one that is pending, if one is.
func (t *task) joinTimer(info *tracer.Siginfo, own bool) (joined bool, err error) {
	last := *info
	pending, err := t.k.PeekPending(!own)
	if i := slices.IndexFunc(pending, info.SameTimer); err == nil && i >= 0 {
		err = t.editPending(info.Signal(), own, func(list []tracer.Siginfo) []tracer.Siginfo {
			joined = tracer.JoinTimer(list, info)
			return list
		})
		if joined {
			tracer.JoinTimer(pending, info)
			last = pending[i]
		}
	}
	t.noteTimerSignal(&last, own, joined)
	return joined, err
}

// noteTimerSignal takes note of the signal of a timer that was queued last, or that was
// pending and has more expirations now.
func (t *task) noteTimerSignal(info *tracer.Siginfo, own, joined bool) {
	id, ok := info.Timer()
	if !ok {
		return
	}
	if t.g.timers == nil {
		t.g.timers = map[int32]*timerSignal{}
	}
	s := t.g.timers[id]
	if s == nil {
		s = &timerSignal{}
		t.g.timers[id] = s
	} else if !joined {
		s.before = s.last
	}
	s.by, s.own, s.last = t, own, info.Overrun()
}

// noteArrived is noteTimerSignal for one that has come with the image.
func (t *task) noteArrived(raw []byte, own bool) {
	var info tracer.Siginfo
	copy(info[:], raw)
	t.noteTimerSignal(&info, own, false)
}

// editPending changes what is pending of a signal in the stopped task's own queue or, of the
// leader, in that of its process. What other tasks take meanwhile is theirs.
func (t *task) editPending(sig int, own bool, edit func([]tracer.Siginfo) []tracer.Siginfo) error {
	private, err := t.pendingOf(sig, true) // is taken first
	if err != nil {
		return err
	}
	var shared []tracer.Siginfo
	if !own {
		if shared, err = t.pendingOf(sig, false); err != nil {
			return err
		}
	}
	mine, err := t.takeMany(sig, len(private))
	if err != nil {
		return err
	}
	ours, err := t.takeMany(sig, len(shared))
	if err != nil {
		return err
	}
	if own {
		mine = edit(mine)
	} else {
		ours = edit(ours)
	}
	return cmp.Or(t.queueMany(mine, true), t.queueMany(ours, false))
}

// takeMany takes up to n signals of a number off the task's queues.
func (t *task) takeMany(sig, n int) (list []tracer.Siginfo, err error) {
	for range n {
		info, ok, err := t.takeOne(1 << (sig - 1))
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, info)
		}
	}
	return list, nil
}

func (t *task) queueMany(list []tracer.Siginfo, own bool) error {
	for i := range list {
		if err := t.queue(t.injecting(), list[i][:], own); err != nil {
			return err
		}
	}
	return nil
}

// pendingOf is what is pending of a signal in the stopped task's own queue, or in that of its
// process.
func (t *task) pendingOf(sig int, own bool) ([]tracer.Siginfo, error) {
	pending, err := t.k.PeekPending(!own)
	return slices.DeleteFunc(pending, func(s tracer.Siginfo) bool { return s.Signal() != sig }), err
}

// tellOverrun ends a call of timer_getoverrun by what the signal of the timer said that was
// delivered last. It reports false if none has come in this stay.
func (t *task) tellOverrun(id int32) bool {
	s := t.g.timers[id]
	if s == nil {
		return false
	}
	overrun := s.last
	if !s.own || s.by == t {
		pending, err := t.k.PeekPending(!s.own)
		if err == nil && slices.ContainsFunc(pending, isTimer(id)) {
			overrun = s.before
		}
	}
	t.finish(int64(overrun))
	return true
}

// isTimer tells of a signal whether it is from a timer.
func isTimer(id int32) func(tracer.Siginfo) bool {
	return func(s tracer.Siginfo) bool { of, ok := s.Timer(); return ok && of == id }
}

// noteTimer takes note that a timer has been set anew or deleted. Home relays what it has met
// of it before the outcome of the call, and what comes then after it: so all that is pending of
// the timer is over.
func (t *task) noteTimer(ret int64) {
	if ret != 0 || t.call.Nr != unix.SYS_TIMER_SETTIME && t.call.Nr != unix.SYS_TIMER_DELETE {
		return
	}
	id := int32(t.regs.Args()[0])
	s := t.g.timers[id]
	if s == nil {
		return
	}
	if t.g.x.endsTimers {
		if err := t.g.endSignals(id, s); err != nil {
			t.g.fail("signals of a timer not dropped", err)
		}
	}
	s.last, s.before = 0, 0
	if t.call.Nr == unix.SYS_TIMER_DELETE {
		delete(t.g.timers, id)
	}
}

// endSignals drops what is pending of a timer, as the kernel of home does.
func (g *guest) endSignals(id int32, s *timerSignal) error {
	by := g.leader()
	if s.own {
		by = s.by
	}
	was := by.state
	if !slices.Contains(g.tasks, by) || !by.halt() {
		return nil // it has ended, and its own signals with it
	}
	err := by.dropTimer(id, s.own)
	if was == running && by.state == running {
		by.cont(0)
	}
	return err
}

// dropTimer drops what is pending of a timer in one of the stopped task's queues.
func (t *task) dropTimer(id int32, own bool) error {
	pending, err := t.k.PeekPending(!own)
	i := slices.IndexFunc(pending, isTimer(id))
	if err != nil || i < 0 {
		return err
	}
	return t.editPending(pending[i].Signal(), own, func(list []tracer.Siginfo) []tracer.Siginfo {
		return slices.DeleteFunc(list, isTimer(id))
	})
}
