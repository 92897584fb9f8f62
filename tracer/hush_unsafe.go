package tracer

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is the kernel's struct sigaction of x86-64.
type sigaction struct {
	handler, flags, restorer, mask uintptr
}

// hush keeps the kernel from sending this program a SIGCHLD for every stop of a
// task (SA_NOCLDSTOP, man 2 sigaction): each would interrupt one of its threads.
// The ends of children are told as before.
func hush() error {
	const noStops = 1 // SA_NOCLDSTOP
	var a sigaction
	call := func(set, get *sigaction) error {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD),
			uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), kernelSigsetBytes, 0, 0)
		if errno != 0 {
			return fmt.Errorf("action of SIGCHLD: %w", errno)
		}
		return nil
	}
	if err := call(nil, &a); err != nil || a.flags&noStops != 0 {
		return err
	}
	a.flags |= noStops
	return call(&a, nil)
}
