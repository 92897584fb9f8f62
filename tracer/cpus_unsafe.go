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
		if err = SetAffinity(0, everyCPU()); err == nil {
			all, err = Affinity(0)
		}
	}()
	<-done
	return all, err
})

// OwnCPUs is the set of processors on which this program itself may run.
var OwnCPUs = sync.OnceValues(func() (abi.CPUSet, error) { return Affinity(0) })

// Together binds the calling thread, a tracer's, and stopped tasks to one processor until
// the thread is set apart again; the tasks have to be bound anew by the caller. Each half
// of an injected call wakes the other side: across the processors of a virtual machine that
// takes five times as long as the call.
func Together(tids ...abi.LocalPid) (apart func()) {
	_, apart = together(tids)
	return apart
}

// Near is Together for tasks that are put back to their own processors, too, unless
// somebody else has chosen some for them meanwhile. They must not be let go before.
func Near(tids ...abi.LocalPid) (apart func()) {
	before := make([]abi.CPUSet, len(tids))
	for i, tid := range tids {
		before[i], _ = Affinity(tid)
	}
	here, free := together(tids)
	return func() {
		free()
		for i, tid := range tids {
			if now, err := Affinity(tid); err == nil && !before[i].Empty() && now.Within(here) {
				_ = SetAffinity(tid, asChosen(before[i])) // it was so before
			}
		}
	}
}

// together is Together; it is all on the processors here.
func together(tids []abi.LocalPid) (here abi.CPUSet, apart func()) {
	own, err := OwnCPUs()
	var cpu uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); errno != 0 || err != nil {
		return nil, func() {}
	}
	here = abi.CPUSetOf(int(cpu))
	if SetAffinity(0, here) == nil {
		for _, tid := range tids {
			_ = SetAffinity(tid, here) // if it has ended, nobody waits for it
		}
	}
	return here, func() { _ = SetAffinity(0, own) } // it was so before
}

// asChosen is what a task has to choose to be as it was on these processors: one that
// could use all had chosen none, and is to use those that its control group gets later.
func asChosen(now abi.CPUSet) abi.CPUSet {
	if all, err := AllCPUs(); err == nil && all.Within(now) {
		return everyCPU()
	}
	return now
}

// everyCPU is the set of all numbers that a processor may have.
var everyCPU = sync.OnceValue(func() abi.CPUSet { return slices.Repeat(abi.CPUSet{^uint64(0)}, maxCPUs/64) })
