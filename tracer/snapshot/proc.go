package snapshot

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// readProc reads /proc/PID/name.
func readProc(pid abi.LocalPid, name string) ([]byte, error) {
	return os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
}

// status is what we need of /proc/PID/status.
type status struct {
	ppid       abi.LocalPid
	tracerPid  int
	namespaces int // of pids, from that of /proc down
	seccomp    int
	ignored    uint64
	caught     uint64
	uid        int // effective
	realUID    uint32
}

func readStatus(pid abi.LocalPid) (st status, err error) {
	b, err := readProc(pid, "status")
	if err != nil {
		return st, err
	}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		switch key {
		case "PPid":
			ppid, _ := strconv.Atoi(fields[0])
			st.ppid = abi.LocalPid(ppid)
		case "TracerPid":
			st.tracerPid, _ = strconv.Atoi(fields[0])
		case "NSpid":
			st.namespaces = len(fields)
		case "Seccomp":
			st.seccomp, _ = strconv.Atoi(fields[0])
		case "Uid":
			st.uid, _ = strconv.Atoi(fields[min(1, len(fields)-1)])
			real, _ := strconv.ParseUint(fields[0], 10, 32)
			st.realUID = uint32(real)
		case "SigIgn":
			st.ignored, _ = strconv.ParseUint(fields[0], 16, 64)
		case "SigCgt":
			st.caught, _ = strconv.ParseUint(fields[0], 16, 64)
		}
	}
	return st, nil
}

// Numbers that man proc_pid_stat gives to the first of the fields of readStat, to the last
// that is looked at, and to the time at which the process began, in ticks since the boot.
const firstField, lastField, startField = 3, 51, 22

// readStat reads what follows the name of a process in its stat. The name may hold
// anything but is in parentheses, so it is the last of them that counts.
func readStat(pid abi.LocalPid) ([]string, error) {
	b, err := readProc(pid, "stat")
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) <= lastField-firstField {
		return nil, fmt.Errorf("stat of %d: %d fields", pid, len(fields))
	}
	return fields, nil
}

// readStart reads when a process began, in ticks since the boot.
func readStart(pid abi.LocalPid) (uint64, error) {
	fields, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(fields[startField-firstField], 10, 64)
}

// readLayout reads the fields of struct mm_struct that /proc/PID/stat shows (man
// proc_pid_stat). Brk is not among them.
func readLayout(pid abi.LocalPid) (l image.Layout, err error) {
	fields, err := readStat(pid)
	if err != nil {
		return l, err
	}
	for number, to := range map[int]*abi.Addr{
		26: &l.StartCode, 27: &l.EndCode, 28: &l.StartStack, 45: &l.StartData, 46: &l.EndData,
		47: &l.StartBrk, 48: &l.ArgStart, 49: &l.ArgEnd, 50: &l.EnvStart, 51: &l.EnvEnd,
	} {
		n, err := strconv.ParseUint(fields[number-firstField], 10, 64)
		if err != nil {
			return l, fmt.Errorf("stat of %d: %w", pid, err)
		}
		*to = abi.Addr(n)
	}
	if l.EndCode <= 1 {
		return l, fmt.Errorf("stat of %d: the kernel hides the layout", pid)
	}
	return l, nil
}

// readAuxv reads the auxiliary vector, up to and with its AT_NULL.
func readAuxv(pid abi.LocalPid) ([]byte, error) {
	b, err := readProc(pid, "auxv")
	if err != nil {
		return nil, err
	}
	for at := 0; at+16 <= len(b); at += 16 {
		if word(b, at) == 0 {
			return b[:at+16], nil
		}
	}
	return b[:len(b)/16*16], nil
}

func readPersonality(pid abi.LocalPid) (uint64, error) {
	b, err := readProc(pid, "personality")
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(bytes.TrimSpace(b)), 16, 64)
}

func readComm(pid, tid abi.LocalPid) (string, error) {
	b, err := readProc(pid, fmt.Sprintf("task/%d/comm", tid))
	return string(bytes.TrimSuffix(b, []byte("\n"))), err
}
