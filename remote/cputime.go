package remote

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// A program that asks for its CPU time is told by home what its body has used, and its
// children; the executor adds what it has used away: in the stays before, and here.

// rusage is struct rusage as an array of longs (man getrusage): user and system time,
// each in seconds and microseconds, the largest resident size, and counts.
type rusage [18]int64

const rusageMax = 4 // ru_maxrss, the one that is no sum

// usedHere asks the guest's kernel what the task, which stands still, or its process has
// used in this stay. Its registers stay as they were.
func (t *task) usedHere(who int) (u rusage, err error) {
	buffers, at := t.slot.Buffers()
	kept := t.regs
	ret, err := t.injecting().Call(unix.SYS_GETRUSAGE, uint64(who), uint64(at)+usageOffset)
	t.regs = kept
	if err != nil || ret < 0 {
		return u, fmt.Errorf("usage of task %d: %d, %w", t.tid, ret, err)
	}
	for i := range u {
		u[i] = int64(binary.LittleEndian.Uint64(buffers[usageOffset+8*i:]))
	}
	return u, nil
}

// time is the CPU time in it.
func (u *rusage) time() image.CPUTime { return image.CPUTimeOf([4]int64(u[:4])) }

// addUsed adds to what a guest that leaves has used here what it has used away before.
func (g *guest) addUsed(img *image.Image) {
	for i, t := range g.tasks {
		img.Tasks[i].Away = t.used.Plus(img.Tasks[i].Away)
	}
	img.Process.Away = g.used.Plus(img.Process.Away)
}

// homeTime is what home has told of the CPU time of a process or of a task. It holds until
// home is asked for something again: until then the body waits.
type homeTime struct {
	ns   int64
	asks uint64 // guest.asks when it was told
}

// tellCPUTime answers a task that reads a clock of its own CPU time, or its process's, if
// nothing has happened at home since it did so last. It reports false if home is to be asked.
func (t *task) tellCPUTime(nr uint64, args [6]uint64) bool {
	if nr != unix.SYS_CLOCK_GETTIME {
		return false
	}
	t.call.Nr, t.call.Args = nr, args
	who, ok := t.asksTimeOf()
	waits := func(t *task) bool { return t.state == waiting } // home may be at work for it
	if !ok || abi.CountsUserTime(args[0]) || slices.ContainsFunc(t.g.tasks, waits) {
		return false
	}
	home := t.homeTime(who)
	if home.asks != t.g.asks || home.asks == 0 {
		return false
	}
	away, err := t.clockAway(who)
	if err != nil {
		return false
	}
	now := abi.TimespecOf(home.ns + away)
	if _, err := t.g.mem.WriteAt(now[:], abi.Addr(args[1])); err != nil {
		return false
	}
	t.finish(0)
	return true
}

// homeTime is what home has told of the time that RUSAGE_THREAD or RUSAGE_SELF means.
func (t *task) homeTime(who int) *homeTime {
	if who == unix.RUSAGE_THREAD {
		return &t.timeAtHome
	}
	return &t.g.timeAtHome
}

// clockAway is the CPU time used away until now, in nanoseconds: in the stays before, and
// here, by the clock of the process (clockid_t in posix-timers_types.h). Those of tasks
// are nobody else's to read; what the scheduler tells of one that stands still is the same.
func (t *task) clockAway(who int) (int64, error) {
	if who == unix.RUSAGE_THREAD {
		here, err := readRuntime(t.g.leader().k.Tid, t.k.Tid)
		if err != nil {
			u, err := t.usedHere(who)
			return t.used.Plus(u.time()).Total(), err
		}
		return t.used.Total() + here, nil
	}
	here, err := readClock(t.g.leader().k.Tid)
	return t.g.used.Total() + here, err
}

// readClock reads the clock of a process's CPU time, in nanoseconds.
func readClock(pid abi.LocalPid) (int64, error) {
	const scheduled = 2
	var now unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduled), &now)
	return now.Nano(), err
}

// readRuntime is how long a task has run, in nanoseconds (/proc/PID/schedstat, in
// Documentation/scheduler/sched-stats.rst).
func readRuntime(pid, tid abi.LocalPid) (ns int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/schedstat", pid, tid))
	if err == nil {
		_, err = fmt.Sscan(string(text), &ns)
	}
	return ns, err
}

// addAway adds what was used away to the outcome of a call that tells of CPU time.
func (t *task) addAway(ret int64, data []byte) {
	who, ok := t.asksTimeOf()
	if ret < 0 || !ok {
		return
	}
	if t.call.Nr == unix.SYS_CLOCK_GETTIME && !abi.CountsUserTime(t.call.Args[0]) {
		t.addClock(data, who)
		return
	}
	here, err := t.usedHere(who)
	if err != nil {
		return // it has ended
	}
	used := t.g.used.Plus(here.time())
	if who == unix.RUSAGE_THREAD {
		used = t.used.Plus(here.time())
	}
	switch t.call.Nr {
	case unix.SYS_GETRUSAGE:
		addUsage(data, &here, used)
	case unix.SYS_TIMES:
		if len(data) >= 16 {
			used.AddToTicks(data)
		}
	case unix.SYS_CLOCK_GETTIME:
		if len(data) >= 16 { // of a clock that counts user time alone
			image.AddTime(data, used.User, time.Nanosecond)
		}
	}
}

// asksTimeOf tells whether the task's call asks for its own CPU time
// (RUSAGE_THREAD) or that of its process (RUSAGE_SELF).
func (t *task) asksTimeOf() (who int, ok bool) {
	switch arg := int32(t.call.Args[0]); t.call.Nr {
	case unix.SYS_TIMES:
		return unix.RUSAGE_SELF, true
	case unix.SYS_GETRUSAGE:
		return int(arg), arg == unix.RUSAGE_SELF || arg == unix.RUSAGE_THREAD
	case unix.SYS_CLOCK_GETTIME:
		pid, thread, ok := abi.CPUClockOf(uint64(arg))
		switch {
		case !ok:
		case thread && (pid == 0 || pid == t.tid):
			return unix.RUSAGE_THREAD, true
		case !thread && (pid == 0 || pid == t.g.pid):
			return unix.RUSAGE_SELF, true
		}
	}
	return 0, false
}

// addUsage adds to a struct rusage. Home's part is the body's.
func addUsage(data []byte, here *rusage, used image.CPUTime) {
	if len(data) < 8*len(here) {
		return
	}
	long := func(i int) []byte { return data[8*i:] }
	used.AddToRusage(data)
	for i := rusageMax; i < len(here); i++ {
		home := int64(binary.LittleEndian.Uint64(long(i)))
		sum := home + here[i]
		if i == rusageMax {
			sum = max(home, here[i])
		}
		binary.LittleEndian.PutUint64(long(i), uint64(sum))
	}
}

// addClock adds to the struct timespec of a clock, and notes home's part.
func (t *task) addClock(data []byte, who int) {
	away, err := t.clockAway(who)
	if err != nil || len(data) < 16 {
		return // it has ended
	}
	sec, nsec := binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint64(data[8:])
	*t.homeTime(who) = homeTime{ns: int64(sec)*int64(time.Second) + int64(nsec), asks: t.g.asks}
	image.AddTime(data, away, time.Nanosecond)
}
