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
	switches string // how often it had given up its processor by then
}

// asleep looks at a process that runs untraced. What it tells is the zero sleep
// where the kernel does not show it (/proc/PID/sched needs CONFIG_SCHED_DEBUG), or
// if the process is not asleep in a call.
func asleep(pid abi.HomePid) sleep {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	if err != nil {
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
	switches := givenUp(pid)
	began, ok := lastRan(fmt.Sprintf("/proc/%d/sched", pid))
	now, known := schedulerClock(pid)
	if !ok || !known || began > now || givenUp(pid) != switches {
		return sleep{}
	}
	return sleep{nr: nr, since: time.Now().Add(began - now), switches: switches}
}

// stillIn tells whether the process, which has been stopped now, was in that same
// call until then. Another wait in between would have ended too early. Being stopped
// itself gives up the processor once.
func (s sleep) stillIn(pid abi.HomePid) bool {
	before, err := strconv.Atoi(s.switches)
	after, err2 := strconv.Atoi(givenUp(pid))
	return err == nil && err2 == nil && after <= before+1
}

// givenUp is how often a process has given up its processor by its own will.
func givenUp(pid abi.HomePid) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(raw), "\nvoluntary_ctxt_switches:\t")
	number, _, _ := strings.Cut(rest, "\n")
	return number
}

// schedulerClock is the scheduler's clock now on the processor of a process; those
// of other processors have lost other amounts of time. A task that has just woken
// up there reads it as the time when it began to run. On a locked thread.
func schedulerClock(pid abi.HomePid) (time.Duration, bool) {
	var own, there unix.CPUSet
	cpu, ok := processorOf(pid)
	if !ok || unix.SchedGetaffinity(0, &own) != nil {
		return 0, false
	}
	there.Set(cpu)
	if unix.SchedSetaffinity(0, &there) != nil {
		return 0, false
	}
	defer unix.SchedSetaffinity(0, &own)
	moment := unix.Timespec{Nsec: 1000}
	unix.Nanosleep(&moment, nil)
	return lastRan("/proc/thread-self/sched")
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

// lastRan is when the task was last given a processor, or has last used it up to.
func lastRan(path string) (time.Duration, bool) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(raw), "se.exec_start")
	line, _, _ := strings.Cut(rest, "\n")
	ms, err := strconv.ParseFloat(strings.Trim(line, " :\t"), 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(ms * float64(time.Millisecond)), true
}

// sinceWhen is since when the program has been in a call that it was stopped in.
func (s sleep) sinceWhen(nr uint64) time.Time {
	if s.nr == nr && !s.since.IsZero() {
		return s.since
	}
	return time.Now()
}
