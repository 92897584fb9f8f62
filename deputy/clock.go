package deputy

import "golang.org/x/sys/unix"

const monotonicClock, boottimeClock, wallClock = unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME, unix.CLOCK_REALTIME

// clockNow reads a clock, in nanoseconds.
func clockNow(id int32) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		panic("deputy: clock_gettime: " + err.Error())
	}
	return ts.Nano()
}
