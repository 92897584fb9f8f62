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
// is asked when it stands still. So is any other with which it may share its memory: a
// sibling (CLONE_PARENT with CLONE_VM), or one whose parent has ended.
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
	if reason := ChildReason(s.LocalPid); reason != "" {
		return reason, nil
	}
	names, err := readNames("/proc")
	for _, name := range names {
		other, _ := strconv.Atoi(name)
		if same, _ := sameMemory(s.LocalPid, abi.LocalPid(other)); same && other != int(s.LocalPid) {
			return fmt.Sprintf("shares its memory with process %d", other), nil
		}
	}
	return "", err
}

// ChildReason says that a child of a process runs in its memory: for a moment, as a rule, of
// vfork, or because it traces the process to look for leaks (LeakSanitizer). Else it is empty.
func ChildReason(pid abi.LocalPid) string {
	for _, child := range children(pid) {
		if sharesMemory(pid, child) {
			return "has a child that runs in its memory"
		}
	}
	return ""
}

// sharesMemory tells whether a process has the same memory as its parent or its child.
// Where the kernel does not say, a parent that waits without being interruptible is taken
// for one that waits for this.
func sharesMemory(pid, other abi.LocalPid) bool {
	same, err := sameMemory(pid, other)
	if errors.Is(err, unix.ENOSYS) {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", other))
		return err == nil && strings.Contains(string(raw), ") D ")
	}
	return same
}

// sameMemory asks the kernel whether two processes have the same memory (man kcmp).
func sameMemory(pid, other abi.LocalPid) (bool, error) {
	if other == 0 {
		return false, nil
	}
	const kcmpVM = 1
	result, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(pid), uintptr(other), kcmpVM, 0, 0, 0)
	if errno != 0 {
		return false, errno
	}
	return result == 0, nil
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
