package abi

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// errnoName names a result: "ENOENT" for -2, "ERESTARTSYS" for -512, the number
// itself if it is no error.
func errnoName(ret int64) string {
	switch ret {
	case RestartSys:
		return "ERESTARTSYS"
	case RestartIntr:
		return "ERESTARTNOINTR"
	case RestartHand:
		return "ERESTARTNOHAND"
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
