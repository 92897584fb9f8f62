package tracer

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"umosix/tracer/abi"
)

// Dispositions are the sets of ignored and of caught signals of a process
// (man proc, SigIgn and SigCgt); bit n-1 is signal n.
func Dispositions(pid abi.LocalPid) (ignored, caught uint64, err error) {
	return signalSets(pid, "SigIgn", "SigCgt")
}

// Pending are the sets of signals that wait for a task and for its process (man proc,
// SigPnd and ShdPnd); bit n-1 is signal n.
func Pending(tid abi.LocalPid) (own, shared uint64, err error) {
	return signalSets(tid, "SigPnd", "ShdPnd")
}

// Blocked is the set of signals that a task blocks just now: in a call that has a mask of
// its own that one (man proc, SigBlk), unlike SigMask.
func Blocked(tid abi.LocalPid) (uint64, error) {
	blocked, _, err := signalSets(tid, "SigBlk", "SigBlk")
	return blocked, err
}

// signalSets reads two lines of /proc/PID/status.
func signalSets(pid abi.LocalPid, first, second string) (one, other uint64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan() && err == nil; {
		name, value, _ := strings.Cut(lines.Text(), ":\t")
		switch name {
		case first:
			one, err = strconv.ParseUint(value, 16, 64)
		case second:
			other, err = strconv.ParseUint(value, 16, 64)
		}
	}
	return one, other, err
}
