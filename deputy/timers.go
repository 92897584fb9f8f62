package deputy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// A signal of a POSIX timer belongs to the timer: while it is pending further expirations are
// counted in it, and it ends when the timer is set anew or deleted. One that was taken off
// on the way is none of the timer's any more. So the timer is set to a moment in the past from
// which it expires once more, and as often as the signal says. And while the process is away
// the guest has to know which signals came before its timer was set anew.

// rearmTimers has timers send their kept signals again, and returns the signals that are left
// to be queued.
func (t *task) rearmTimers(kept []tracer.Siginfo, shared bool) (left []tracer.Siginfo, err error) {
	if !slices.ContainsFunc(kept, func(s tracer.Siginfo) bool { _, ok := s.Timer(); return ok }) {
		return kept, nil
	}
	left = withTimers(nil, kept...)
	for tries := rearmLimit; ; tries-- {
		later, err := t.takeOff(nil, shared) // their own, since
		if err != nil {
			return nil, err
		}
		overtaken := false
		list := withTimers(left, later...)
		left = nil
		for _, info := range list {
			outcome, err := t.rearm(&info, shared, tries == 0)
			if err != nil {
				return nil, err
			}
			overtaken = overtaken || outcome == expired
			if outcome != rearmed {
				left = append(left, info)
			}
		}
		if !overtaken {
			return left, nil
		}
	}
}

// rearmLimit is how often timers are tried that have expired again meanwhile. One whose period
// is shorter than a try is set all the same then, and loses what has expired since.
const rearmLimit = 8

// rearming is what comes of setting a timer again.
type rearming uint8

const (
	foreign rearming = iota // the signal is from no timer, or from one that has been set anew
	expired                 // the timer has expired since its signal was taken off
	rearmed
)

// rearm has the timer of a signal that was taken off a queue send it again; with force also one
// that has expired since.
func (t *task) rearm(info *tracer.Siginfo, shared, force bool) (rearming, error) {
	id, ok := info.Timer()
	if !ok {
		return foreign, nil
	}
	timer, ok := t.b.timer(int(id))
	if !ok || timer.clock < 0 || timer.clock == unix.CLOCK_PROCESS_CPUTIME_ID || timer.clock == unix.CLOCK_THREAD_CPUTIME_ID {
		return foreign, nil
	}
	buffers, at := t.slot.Buffers()
	room, where := buffers[smallOffset:smallOffset+48], uint64(at)+smallOffset
	ret, err := t.in.Call(unix.SYS_TIMER_GETTIME, uint64(id), where)
	if err == nil && ret == 0 {
		ret, err = t.in.Call(unix.SYS_CLOCK_GETTIME, uint64(timer.clock), where+32)
	}
	if err != nil || ret != 0 {
		return foreign, err
	}
	interval, next, now := nanoseconds(room), nanoseconds(room[16:]), nanoseconds(room[32:])
	if (interval == 0) != (next == 0) {
		return foreign, nil
	}
	if pending, err := t.k.PeekPending(shared); err != nil || !force && slices.ContainsFunc(pending, info.SameTimer) {
		return expired, err
	}
	first := now - 1
	if interval > 0 {
		first = now + next - interval*(1+int64(info.Overrun()))
	}
	first = max(first, 1)
	binary.LittleEndian.PutUint64(room[16:], uint64(first/1e9))
	binary.LittleEndian.PutUint64(room[24:], uint64(first%1e9))
	ret, err = t.in.Call(unix.SYS_TIMER_SETTIME, uint64(id), unix.TIMER_ABSTIME, where, 0)
	if err != nil || ret != 0 {
		return foreign, err
	}
	return rearmed, nil
}

// setsTimer tells whether the call sets a timer that sends signals.
func (c *call) setsTimer() bool {
	return c.nr == unix.SYS_TIMER_SETTIME || c.nr == unix.SYS_TIMER_DELETE || c.setsAlarm()
}

// setsAlarm tells whether the timer sends SIGALRM. What of it is pending stays so, also while
// the body blocks it (flood.go).
func (c *call) setsAlarm() bool {
	return c.nr == unix.SYS_ALARM || c.nr == unix.SYS_SETITIMER && c.args[0] == unix.ITIMER_REAL
}

// setTimer makes a call that sets a timer or deletes it. What tasks have met of it before is
// relayed before the outcome, and all that comes then is relayed after it: so the guest knows
// which signals the call has ended. On the link's thread.
func (c *call) setTimer() {
	t := c.t
	c.count()
	c.raiseFences()
	err := t.b.on(func() error {
		ret, err := t.callStill(c)
		if err != nil {
			ret = restartNoIntr // it is made again, if there is anybody
		}
		c.settle(ret)
		c.answer()
		t.relayDeferred()
		return err
	})
	if err != nil && !errors.Is(err, tracer.ErrGone) {
		t.b.d.log.Error().Int("pid", int(t.b.pid)).Int("tid", int(t.tid)).Err(err).Msg("timer not set")
	}
}

// callStill is setTimer on the tracer's thread: it makes the call while all tasks stand still
// that take signals of the timer.
func (t *task) callStill(c *call) (ret int64, err error) {
	if !t.b.mayChange() {
		return restartNoIntr, nil
	}
	if err := t.stop(); err != nil {
		return 0, err
	}
	still := []*task{t}
	for _, other := range c.signalled() {
		if other != t && other.stop() == nil { // one that does not stop takes no signals either
			still = append(still, other)
		}
	}
	for _, t := range still {
		t.relayDeferred()
	}
	if err = t.beginSession(); err == nil {
		ret, err = t.in.Call(c.nr, c.args[:]...)
		if err == nil && c.setsAlarm() {
			err = t.relayPending(unix.SIGALRM)
		}
		err = errors.Join(err, t.endSession())
	}
	for _, t := range still {
		err = errors.Join(err, t.passOver())
	}
	return ret, err
}

// relayPending takes a signal off the queues of the task, in a session, and relays it.
func (t *task) relayPending(sig unix.Signal) error {
	info, ok, err := t.drainOne(1 << (sig - 1))
	if ok {
		t.passOn(&info)
	}
	return err
}

// signalled are the tasks that take signals of the timer.
func (c *call) signalled() (list []*task) {
	known := timer{}
	if !c.setsAlarm() {
		known, _ = c.b.timer(int(int32(c.args[0])))
	}
	for _, t := range c.b.tasks {
		if known.task == 0 || known.task == t.tid {
			list = append(list, t)
		}
	}
	return list
}

// nanoseconds reads a struct timespec.
func nanoseconds(raw []byte) int64 {
	return int64(binary.LittleEndian.Uint64(raw))*1e9 + int64(binary.LittleEndian.Uint64(raw[8:]))
}

// timer is what /proc/PID/timers says of a timer (man proc).
type timer struct {
	task  abi.HomePid // whom it signals; 0: the process
	clock int
}

// timerTask is the task that a timer of the process signals; 0 if it signals the
// process. Of a timer that is no more its last signal may still come: what is remembered
// counts then, or else that the kernel prefers the leader for a signal to the process. On
// the tracer's thread.
func (b *body) timerTask(id int, met *task) abi.HomePid {
	if known, ok := b.timer(id); ok {
		return known.task
	}
	if met == b.leader() {
		return 0
	}
	return met.tid
}

// timer is what is known of a timer of the process. On the tracer's thread.
func (b *body) timer(id int) (timer, bool) {
	if raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/timers", b.pid)); err == nil {
		b.timers = timersIn(string(raw), b.timers)
	}
	known, ok := b.timers[id]
	return known, ok
}

// timersIn reads what a file of timers says, and adds it to what is known.
func timersIn(text string, known map[int]timer) map[int]timer {
	if known == nil {
		known = map[int]timer{}
	}
	var id int
	var next timer
	for line := range strings.Lines(text) {
		if n, _ := fmt.Sscanf(line, "ID: %d", &id); n == 1 {
			next = timer{}
		}
		if _, to, found := strings.Cut(line, "/tid."); found && strings.HasPrefix(line, "notify:") {
			var tid int
			if n, _ := fmt.Sscan(to, &tid); n == 1 {
				next.task = abi.HomePid(tid)
			}
		}
		if n, _ := fmt.Sscanf(line, "ClockID: %d", &next.clock); n == 1 { // the last line of a timer
			known[id] = next
		}
	}
	return known
}
