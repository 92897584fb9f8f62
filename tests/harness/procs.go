package harness

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// proc is one line of the machine's process table.
type proc struct {
	pid, ppid int
	state     byte
	comm      string
}

// table reads the process table; processes that end meanwhile are left out.
func table() []proc {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []proc
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if p, ok := readProc(pid); ok {
				all = append(all, p)
			}
		}
	}
	return all
}

// readProc reads /proc/PID/stat (proc_pid_stat(5)): the name is in parentheses and
// may hold any byte.
func readProc(pid int) (proc, bool) {
	data, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return proc{}, false
	}
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	fields := strings.Fields(string(data[end+1:]))
	if open < 0 || end < open || len(fields) < 2 {
		return proc{}, false
	}
	ppid, err := strconv.Atoi(fields[1])
	return proc{pid: pid, ppid: ppid, state: fields[0][0], comm: string(data[open+1 : end])}, err == nil
}

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// children are the direct children of pid.
func children(pid int) []proc {
	var found []proc
	for _, p := range table() {
		if p.ppid == pid {
			found = append(found, p)
		}
	}
	return found
}

// descendants are all processes below pid, parents before children.
func descendants(pid int) []proc {
	all := table()
	below := map[int]bool{pid: true}
	var found []proc
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if below[p.ppid] && !below[p.pid] {
				below[p.pid], grown = true, true
				found = append(found, p)
			}
		}
	}
	return found
}

// cmdline is the process's argument list, empty for a zombie.
func cmdline(pid int) []string {
	data, err := os.ReadFile(procPath(pid, "cmdline"))
	if err != nil || len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
}

// hasVariable tells whether the process was started with the given NAME=VALUE.
func hasVariable(pid int, variable string) bool {
	data, err := os.ReadFile(procPath(pid, "environ"))
	return err == nil && bytes.Contains(append([]byte{0}, data...), []byte("\x00"+variable+"\x00"))
}

// isBelow tells whether pid is a descendant of this test process, the only
// processes that a test may kill.
func isBelow(pid int) bool {
	for _, p := range descendants(os.Getpid()) {
		if p.pid == pid {
			return true
		}
	}
	return false
}

// killTree ends pid and everything below it.
func killTree(pid int) {
	doomed := descendants(pid)
	_ = syscall.Kill(pid, syscall.SIGKILL)
	for _, p := range doomed {
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
}
