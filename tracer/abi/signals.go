package abi

import (
	"encoding/binary"
	"strconv"
)

// Signal is a signal's number, 1 to 64.
type Signal int

// The bounds of signal numbers. Real-time signals begin at 32 for the kernel; C
// libraries keep the first two or three for themselves.
const (
	MaxSignal     Signal = 64
	FirstRealtime Signal = 32
)

var signalNames = [...]string{1: "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL",
	"SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP",
	"SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS"}

// String is the signal's name: "SIGINT", or "signal 34" for a real-time signal.
func (s Signal) String() string {
	if s > 0 && int(s) < len(signalNames) {
		return signalNames[s]
	}
	return "signal " + strconv.Itoa(int(s))
}

// Valid reports whether there is such a signal.
func (s Signal) Valid() bool { return s >= 1 && s <= MaxSignal }

// Bit is the signal's bit in a mask; 0 if there is no such signal.
func (s Signal) Bit() uint64 {
	if !s.Valid() {
		return 0
	}
	return 1 << (s - 1)
}

// Action is what the kernel does with a signal that has no handler.
type Action uint8

// The default actions (man 7 signal).
const (
	Terminate Action = iota
	DumpCore
	Ignore
	Stop
	Continue
)

// Default is the signal's default action.
func (s Signal) Default() Action {
	switch s {
	case 3, 4, 5, 6, 7, 8, 11, 24, 25, 31: // QUIT ILL TRAP ABRT BUS FPE SEGV XCPU XFSZ SYS
		return DumpCore
	case 17, 23, 28: // CHLD URG WINCH
		return Ignore
	case 19, 20, 21, 22: // STOP TSTP TTIN TTOU
		return Stop
	case 18: // CONT
		return Continue
	}
	return Terminate
}

// The handlers of a Sigaction that are no addresses.
const (
	DefaultHandler Addr = 0 // SIG_DFL
	IgnoreHandler  Addr = 1 // SIG_IGN
)

// The flags of a Sigaction (include/uapi/asm-generic/signal-defs.h).
const (
	NoChildStop uint64 = 1
	NoChildWait uint64 = 2
	WithInfo    uint64 = 4
	OnStack     uint64 = 0x08000000
	Restart     uint64 = 0x10000000
	NoDefer     uint64 = 0x40000000
	ResetHand   uint64 = 0x80000000
	HasRestorer uint64 = 0x04000000
)

// SigactionSize is the size of struct kernel_sigaction on x86-64.
const SigactionSize = 32

// Sigaction is struct kernel_sigaction: what rt_sigaction takes, not what libc has.
type Sigaction struct {
	Handler  Addr
	Flags    uint64
	Restorer Addr
	Mask     uint64
}

// DecodeSigaction reads the kernel's bytes; a short slice is an empty action.
func DecodeSigaction(b []byte) (s Sigaction) {
	if len(b) < SigactionSize {
		return s
	}
	return Sigaction{Handler: Addr(u64(b, 0)), Flags: u64(b, 8), Restorer: Addr(u64(b, 16)), Mask: u64(b, 24)}
}

// Append appends the kernel's bytes.
func (s Sigaction) Append(b []byte) []byte {
	for _, word := range [...]uint64{uint64(s.Handler), s.Flags, uint64(s.Restorer), s.Mask} {
		b = binary.LittleEndian.AppendUint64(b, word)
	}
	return b
}

// Ignores reports whether a process with this action for s never notices s.
func (s Sigaction) Ignores(sig Signal) bool {
	return s.Handler == IgnoreHandler || s.Handler == DefaultHandler && sig.Default() == Ignore
}
