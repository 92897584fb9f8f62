package tracer

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// maxCPUs is how many processors any kernel of this architecture knows (NR_CPUS).
const maxCPUs = 8192

// Affinity is the set of processors on which a task may run; 0 is the calling thread.
func Affinity(tid abi.LocalPid) (abi.CPUSet, error) {
	var mask [maxCPUs / 8]byte
	n, _, errno := unix.Syscall(unix.SYS_SCHED_GETAFFINITY, uintptr(tid), uintptr(len(mask)), uintptr(unsafe.Pointer(&mask[0])))
	if errno != 0 {
		return nil, fmt.Errorf("processors of %d: %w", tid, errno)
	}
	return abi.CPUSetFrom(mask[:n]), nil
}

// SetAffinity has a task run on those processors only.
func SetAffinity(tid abi.LocalPid, cpus abi.CPUSet) error {
	mask := cpus.Bytes()
	_, _, errno := unix.Syscall(unix.SYS_SCHED_SETAFFINITY, uintptr(tid), uintptr(len(mask)), uintptr(unsafe.Pointer(unsafe.SliceData(mask))))
	if errno != 0 {
		return fmt.Errorf("processors for %d: %w", tid, errno)
	}
	return nil
}

// AllCPUs is the set of all processors that a program on this machine may have: its
// control group limits it, whatever this program itself was bound to.
var AllCPUs = sync.OnceValues(func() (all abi.CPUSet, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and not unlocked: the thread ends with this function
		if err = SetAffinity(0, slices.Repeat(abi.CPUSet{^uint64(0)}, maxCPUs/64)); err == nil {
			all, err = Affinity(0)
		}
	}()
	<-done
	return all, err
})
