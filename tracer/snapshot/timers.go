package snapshot

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// LimitsCPU tells whether a process has a limit of its CPU time (man getrlimit), which
// counts what its body uses.
func LimitsCPU(pid abi.LocalPid) bool {
	var have unix.Rlimit
	err := unix.Prlimit(int(pid), unix.RLIMIT_CPU, nil, &have)
	return err == nil && (have.Cur != unix.RLIM_INFINITY || have.Max != unix.RLIM_INFINITY)
}

// timersReason says that a timer counts the CPU time of the process: while that is away,
// it would count that of the body. Of the timers that man setitimer tells of only the
// process itself is told; those of man timer_create are in /proc/PID/timers.
func (s *Subject) timersReason() (string, error) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/timers", s.LocalPid)) // not of every kernel
	for line := range strings.Lines(string(text)) {
		var clock int64
		if n, _ := fmt.Sscanf(line, "ClockID: %d", &clock); n == 1 {
			if _, _, ok := abi.CPUClockOf(uint64(clock)); ok {
				return "has a timer that counts its CPU time (timer_create)", nil
			}
		}
	}
	if LimitsCPU(s.LocalPid) {
		return "limits its CPU time (RLIMIT_CPU)", nil
	}
	if s.Leader == nil || s.Caller == nil {
		return "", nil
	}
	for _, which := range []uint64{unix.ITIMER_VIRTUAL, unix.ITIMER_PROF} {
		value, err := s.ask(s.Caller, "getitimer", unix.SYS_GETITIMER, itimerSize, func(at uint64) []uint64 { return []uint64{which, at} })
		if err != nil {
			return "", err
		}
		if !allZero(value[itimerSize/2:]) {
			return "has a timer that counts its CPU time (setitimer)", nil
		}
	}
	return "", nil
}

// itimerSize is the size of struct itimerval: the interval, and what is left.
const itimerSize = 32
