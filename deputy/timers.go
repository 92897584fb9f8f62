package deputy

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer"
)

// A signal of a POSIX timer belongs to the timer: while it is pending further expirations are
// counted in it, and it ends when the timer is set anew or deleted. One that was taken off
// on the way is none of the timer's any more. So the timer is set to a moment in the past from
// which it expires once more, and as often as the signal says.

// rearmTimers has timers send their kept signals again, and returns the signals that are left
// to be queued.
func (t *task) rearmTimers(kept []tracer.Siginfo, shared bool) (left []tracer.Siginfo, err error) {
	if !slices.ContainsFunc(kept, func(s tracer.Siginfo) bool { _, ok := s.Timer(); return ok }) {
		return kept, nil
	}
	later, err := t.takeOff(nil, shared) // their own, since
	if err != nil {
		return nil, err
	}
	for _, info := range withTimers(nil, slices.Concat(kept, later)...) {
		rearmed, err := t.rearm(&info)
		if err != nil {
			return nil, err
		}
		if !rearmed {
			left = append(left, info)
		}
	}
	return left, nil
}

// rearm reports false for a signal that is from no timer, or from one that has been set anew.
func (t *task) rearm(info *tracer.Siginfo) (bool, error) {
	id, ok := info.Timer()
	if !ok {
		return false, nil
	}
	clock, ok := t.b.timerClock(id)
	if !ok {
		return false, nil
	}
	buffers, at := t.slot.Buffers()
	room, where := buffers[smallOffset:smallOffset+48], uint64(at)+smallOffset
	ret, err := t.in.Call(unix.SYS_TIMER_GETTIME, uint64(id), where)
	if err == nil && ret == 0 {
		ret, err = t.in.Call(unix.SYS_CLOCK_GETTIME, uint64(clock), where+32)
	}
	if err != nil || ret != 0 {
		return false, err
	}
	interval, next, now := nanoseconds(room), nanoseconds(room[16:]), nanoseconds(room[32:])
	if (interval == 0) != (next == 0) {
		return false, nil
	}
	first := now - 1
	if interval > 0 {
		first = now + next - interval*(1+int64(info.Overrun()))
	}
	first = max(first, 1)
	binary.LittleEndian.PutUint64(room[16:], uint64(first/1e9))
	binary.LittleEndian.PutUint64(room[24:], uint64(first%1e9))
	ret, err = t.in.Call(unix.SYS_TIMER_SETTIME, uint64(id), unix.TIMER_ABSTIME, where, 0)
	return ret == 0, err
}

// nanoseconds reads a struct timespec.
func nanoseconds(raw []byte) int64 {
	return int64(binary.LittleEndian.Uint64(raw))*1e9 + int64(binary.LittleEndian.Uint64(raw[8:]))
}

// timerClock is the clock of a timer of the process, if it is one that can be set to a moment
// (man proc, /proc/PID/timers).
func (b *body) timerClock(id int32) (clock int, ok bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/timers", b.pid))
	if err != nil {
		return 0, false
	}
	mine := false
	for line := range strings.Lines(string(raw)) {
		var n int
		if found, _ := fmt.Sscanf(line, "ID: %d", &n); found == 1 {
			mine = int32(n) == id
		}
		if found, _ := fmt.Sscanf(line, "ClockID: %d", &n); found == 1 && mine {
			return n, n >= 0 && n != unix.CLOCK_PROCESS_CPUTIME_ID && n != unix.CLOCK_THREAD_CPUTIME_ID
		}
	}
	return 0, false
}
