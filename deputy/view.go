package deputy

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/snapshot"
)

// opensView is the view of the process's memory that the call has opened, or
// empty. What was opened counts, not how it was called: many paths lead there.
func (c *call) opensView() string {
	switch c.plan.Nr {
	case unix.SYS_OPEN, unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_CREAT:
	default:
		return ""
	}
	if c.ret < 0 {
		return ""
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.b.pid, c.ret))
	if err != nil || !snapshot.IsMemoryView(abi.LocalPid(c.b.pid), path) {
		return ""
	}
	return path
}
