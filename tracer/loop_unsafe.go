package tracer

import (
	"bytes"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// loopBounds is where the code of the resident loop lies in this program, with that of
// scripts behind it.
func loopBounds() (start, script, end unsafe.Pointer)

// loopBytes is a copy of the code of the loop and of scripts, which begin at an offset of it.
// It has no absolute address in it.
func loopBytes() (code []byte, script int) {
	start, scripts, end := loopBounds()
	return bytes.Clone(unsafe.Slice((*byte)(start), uintptr(end)-uintptr(start))), int(uintptr(scripts) - uintptr(start))
}

// callSite is the offset behind the `syscall` instruction that executes calls:
// the third one, behind those that sleep and that set the mask.
func callSite(code []byte) int {
	at := 0
	for range 3 {
		at += bytes.Index(code[at:], []byte{0x0f, 0x05}) + 2
	}
	return at
}

// doneSite is the offset behind the instruction that tells home of the result: the task
// is idle from there on, though it may still be about to wake home's thread.
func doneSite(code []byte) int {
	tell := []byte{0x87, 0x03} // xchg %eax, (%rbx)
	return bytes.Index(code, tell) + len(tell)
}

// wallBounds is where the functions for the wall clock lie in this program.
func wallBounds() (gettime, timeofday, time, end unsafe.Pointer)

// wallBytes is a copy of the functions for the wall clock, which have no absolute address
// in them but the mark of the offset, and at what place of it each begins.
func wallBytes() (code []byte, entries map[string]int) {
	gettime, timeofday, time, end := wallBounds()
	from := uintptr(gettime)
	code = bytes.Clone(unsafe.Slice((*byte)(gettime), uintptr(end)-from))
	return code, map[string]int{
		"__vdso_clock_gettime": 0,
		"__vdso_gettimeofday":  int(uintptr(timeofday) - from),
		"__vdso_time":          int(uintptr(time) - from),
	}
}

func word32(b []byte, off int) *uint32 { return (*uint32)(unsafe.Pointer(&b[off])) }

func get64(b []byte, off int) uint64 { return *(*uint64)(unsafe.Pointer(&b[off])) }

// store64 is put64 for who reads meanwhile.
func store64(b []byte, off int, v uint64) {
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&b[off])), v)
}

func put64(b []byte, off int, v uint64) { *(*uint64)(unsafe.Pointer(&b[off])) = v }

// futexWait sleeps while *w is v, at most for d. The futex is shared between processes.
func futexWait(w *uint32, v uint32, d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(w)), 0, uintptr(v), uintptr(unsafe.Pointer(&ts)), 0, 0)
}

func futexWake(w *uint32) {
	unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(w)), 1, 1<<30, 0, 0, 0)
}
