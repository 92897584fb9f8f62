package abi

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Codes in a result register that are between a call and the kernel's return to
// the program (include/linux/errno.h). No program ever sees them.
const (
	RestartSys   int64 = -512 // ERESTARTSYS
	RestartIntr  int64 = -513 // ERESTARTNOINTR
	RestartHand  int64 = -514 // ERESTARTNOHAND
	NoIoctl      int64 = -515 // ENOIOCTLCMD
	RestartAgain int64 = -516 // ERESTART_RESTARTBLOCK
	Interrupted  int64 = -int64(unix.EINTR)
)

// ErrnoName names a result: "ENOENT" for -2, "ERESTARTSYS" for -512, the number
// itself if it is no error.
func ErrnoName(ret int64) string {
	switch ret {
	case RestartSys:
		return "ERESTARTSYS"
	case RestartIntr:
		return "ERESTARTNOINTR"
	case RestartHand:
		return "ERESTARTNOHAND"
	case NoIoctl:
		return "ENOIOCTLCMD"
	case RestartAgain:
		return "ERESTART_RESTARTBLOCK"
	}
	if Failed(ret) {
		if name := unix.ErrnoName(unix.Errno(-ret)); name != "" {
			return name
		}
	}
	return strconv.FormatInt(ret, 10)
}
