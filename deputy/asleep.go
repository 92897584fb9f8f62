package deputy

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// sleep is the call that a process was asleep in before it was stopped, and since
// when. Some calls do not tell, when they are interrupted, how much of their limit
// is left.
type sleep struct {
	nr       uint64
	since    time.Time
	switches int // how often it had given up its processor by then
}

// asleep looks at a process that runs untraced. What it tells is the zero sleep
// where the kernel does not show it (/proc/PID/sched needs CONFIG_SCHED_DEBUG), or
// if the process is not asleep in a call. On the tracer's thread.
func (c schedulerClocks) asleep(pid abi.HomePid) sleep {
	before, ok := readSchedule(fmt.Sprintf("/proc/%d/sched", pid)) // what comes after it shows in stillIn
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	if !ok || err != nil {
		return sleep{}
	}
	first, _, _ := strings.Cut(string(raw), " ")
	nr, err := strconv.ParseUint(first, 10, 64)
	if err != nil { // "running", or -1: no call
		return sleep{}
	}
	if row := abi.Lookup(nr); row == nil || !row.MayBlock {
		return sleep{}
	}
	now, known := c.now(pid)
	if !known || before.ran > now {
		return sleep{}
	}
	return sleep{nr: nr, since: time.Now().Add(before.ran - now), switches: before.givenUp}
}

// stillIn tells whether the process, which has been stopped now, was in that same
// call until then. Another wait in between would have ended too early. Being stopped
// itself gives up the processor once.
func (s sleep) stillIn(pid abi.HomePid) bool {
	if s == (sleep{}) {
		return true
	}
	after, ok := readSchedule(fmt.Sprintf("/proc/%d/sched", pid))
	return ok && after.givenUp <= s.switches+1
}

// schedule is what the scheduler tells of a task (/proc/PID/sched).
type schedule struct {
	ran     time.Duration // when it was last given a processor, or has last used it up to
	givenUp int           // how often it has given up its processor by its own will
}

func readSchedule(path string) (s schedule, ok bool) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return s, false
	}
	value := func(name string) string {
		_, rest, _ := strings.Cut(string(raw), "\n"+name+" ")
		line, _, _ := strings.Cut(rest, "\n")
		return strings.Trim(line, " :\t")
	}
	ms, err := strconv.ParseFloat(value("se.exec_start"), 64)
	if err == nil {
		s.givenUp, err = strconv.Atoi(value("nr_voluntary_switches"))
	}
	s.ran = time.Duration(ms * float64(time.Millisecond))
	return s, err == nil
}

// schedulerClocks are the scheduler's clocks of processors, by number, as they were read
// last: each has lost other amounts of time.
type schedulerClocks map[int]clockReading

type clockReading struct {
	at    time.Time
	clock time.Duration
}

// clockHolds is how long a scheduler's clock is taken to go like any other.
const clockHolds = 5 * time.Millisecond

// now is the scheduler's clock now on the processor of a process. A task that has just
// woken up there reads it as the time when it began to run. On a locked thread.
func (c schedulerClocks) now(pid abi.HomePid) (time.Duration, bool) {
	var own, there unix.CPUSet
	cpu, ok := processorOf(pid)
	if !ok {
		return 0, false
	}
	if last, known := c[cpu]; known && time.Since(last.at) < clockHolds {
		return last.clock + time.Since(last.at), true
	}
	if unix.SchedGetaffinity(0, &own) != nil {
		return 0, false
	}
	there.Set(cpu)
	if unix.SchedSetaffinity(0, &there) != nil {
		return 0, false
	}
	defer unix.SchedSetaffinity(0, &own)
	moment := unix.Timespec{Nsec: 1000}
	unix.Nanosleep(&moment, nil)
	at := time.Now()
	mine, ok := readSchedule("/proc/thread-self/sched")
	if ok {
		c[cpu] = clockReading{at, mine.ran}
	}
	return mine.ran, ok
}

// processorOf is the processor that a process has run on last (man proc, field 39
// of stat).
func processorOf(pid abi.HomePid) (int, bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 37 {
		return 0, false
	}
	cpu, err := strconv.Atoi(fields[36])
	return cpu, err == nil
}

// sinceWhen is since when the program has been in a call that it was stopped in.
func (s sleep) sinceWhen(nr uint64) time.Time {
	if s.nr == nr && !s.since.IsZero() {
		return s.since
	}
	return time.Now()
}
