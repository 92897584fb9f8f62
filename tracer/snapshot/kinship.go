package snapshot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// kinshipReason says that the process runs in the memory of its parent, as a child of
// vfork does until it execs, or that a child runs in its memory: what is taken from the
// one is taken from the other. A parent that waits in vfork stops when that is over: it
// is asked when it stands still.
func (s *Subject) kinshipReason() (string, error) {
	st, err := readStatus(s.LocalPid)
	if err != nil {
		return "", err
	}
	if sharesMemory(s.LocalPid, st.ppid) {
		return "runs in its parent's memory", nil
	}
	if s.Leader == nil {
		return "", nil
	}
	for _, child := range children(s.LocalPid) {
		if sharesMemory(s.LocalPid, child) {
			return "has a child that runs in its memory", nil
		}
	}
	return "", nil
}

// sharesMemory tells whether two processes have the same memory (man kcmp). Where the
// kernel does not say, a parent that waits without being interruptible is taken for one
// that waits for this.
func sharesMemory(pid, other abi.LocalPid) bool {
	if other == 0 {
		return false
	}
	const kcmpVM = 1
	result, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(pid), uintptr(other), kcmpVM, 0, 0, 0)
	if errors.Is(errno, unix.ENOSYS) {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", other))
		return err == nil && strings.Contains(string(raw), ") D ")
	}
	return errno == 0 && result == 0
}

// children are the children of all tasks of a process.
func children(pid abi.LocalPid) (pids []abi.LocalPid) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a task may have ended
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, abi.LocalPid(child))
			}
		}
	}
	return pids
}
