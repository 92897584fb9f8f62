package main

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What the entry code has found, before the Go runtime began.
var (
	entered uint64  // 1 if it ran
	stack   uintptr // where the kernel has put argc, argv and the environment
	ignored uint64  // signals whose disposition was SIG_IGN, bit n-1 for n
	blocked uint64  // the signal mask
)

// sigIgn is SIG_IGN as rt_sigaction takes it.
const sigIgn = 1

// initialEnvironment is the environment exactly as it was handed over: with
// entries that stand there twice or have no name, which os.Environ drops.
func initialEnvironment(otherwise []string) []string {
	if entered == 0 {
		return otherwise
	}
	word := *(*unsafe.Pointer)(unsafe.Pointer(&stack))
	argc := *(*int)(word)
	word = unsafe.Add(word, 8*(argc+2)) // past argc, argv and its null
	var entries []string
	for {
		entry := *(**byte)(word)
		if entry == nil {
			return entries
		}
		entries = append(entries, strings.Clone(unix.BytePtrToString(entry)))
		word = unsafe.Add(word, 8)
	}
}

// restoreSignals gives the calling thread the mask that the program began with,
// and the process the signals that were ignored then. Handlers need nothing:
// exec resets them. It is for the moment before exec: Go's runtime may miss the
// signals that it uses itself from now on.
func restoreSignals() {
	if entered == 0 {
		return
	}
	for signal := 1; signal <= 64; signal++ {
		if ignored&(1<<(signal-1)) == 0 {
			continue
		}
		ignore := [4]uint64{sigIgn}
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), uintptr(unsafe.Pointer(&ignore)), 0, 8, 0, 0)
	}
	mask := blocked
	const setMask = 2 // SIG_SETMASK
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&mask)), 0, 8, 0, 0)
}
