package tracer

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// KernelVersion is the release of this machine's kernel (man 2 uname), and the two numbers
// that it begins with; they are 0 if it begins otherwise.
func KernelVersion() (release string, major, minor int, err error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", 0, 0, err
	}
	release = unix.ByteSliceToString(u.Release[:])
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 {
		return release, 0, 0, nil
	}
	return release, major, minor, nil
}
