package deputy

import (
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/snapshot"
)

// cuts tells whether a call that has been made may have taken away a part of a file that
// the process has mapped. What the program had written there, and had to itself, is gone
// with it, and what lies behind the end raises SIGBUS (man mmap): at home the kernel sees
// to that.
func (c *call) cuts() bool {
	file := c.cutFile()
	if file == "" || c.ret < 0 {
		return false
	}
	var st unix.Stat_t
	if unix.Stat(file, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false
	}
	areas, err := tracer.ReadAreasQuick(abi.LocalPid(c.b.pid))
	if err != nil {
		return false // it is ending
	}
	for _, a := range areas {
		if a.Ino == st.Ino { // its device has another number here on some filesystems
			return true
		}
	}
	return false
}

// cutFile is where the file can be found that a call may make shorter; empty for others.
func (c *call) cutFile() string {
	args := c.plan.Args
	opened := func(fd int64) string { return fmt.Sprintf("/proc/%d/fd/%d", c.b.pid, fd) }
	truncates := func(flags uint64) string {
		if flags&unix.O_TRUNC == 0 {
			return ""
		}
		return opened(c.ret)
	}
	switch c.plan.Nr {
	case unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE:
		return opened(int64(int32(args[0])))
	case unix.SYS_CREAT:
		return truncates(unix.O_TRUNC)
	case unix.SYS_OPEN:
		return truncates(args[1])
	case unix.SYS_OPENAT:
		return truncates(args[2])
	case unix.SYS_OPENAT2:
		return truncates(unix.O_TRUNC) // whatever its flags
	case unix.SYS_TRUNCATE:
		name, _ := c.namedFile()
		return name
	}
	return ""
}

// limitsCPU tells whether a call that has been made limits the CPU time of the process.
func (c *call) limitsCPU() bool {
	args := c.plan.Args
	switch {
	case c.ret < 0:
		return false
	case c.plan.Nr == unix.SYS_SETRLIMIT && args[0] == unix.RLIMIT_CPU:
	case c.plan.Nr == unix.SYS_PRLIMIT64 && args[1] == unix.RLIMIT_CPU && args[2] != 0:
	default:
		return false
	}
	return snapshot.LimitsCPU(abi.LocalPid(c.b.pid))
}
