package abi

// SiginfoSize is the size of siginfo_t.
const SiginfoSize = 128

// Byte offsets in siginfo_t on x86-64 (include/uapi/asm-generic/siginfo.h). Behind
// the code stands what the code makes of it.
const (
	SiginfoSigno  = 0
	SiginfoErrno  = 4
	SiginfoCode   = 8
	SiginfoPid    = 16 // kill, sigqueue, SIGCHLD
	SiginfoUid    = 20
	SiginfoValue  = 24 // sigqueue; for timers, too
	SiginfoStatus = 24 // SIGCHLD
	SiginfoUtime  = 32
	SiginfoStime  = 40
	SiginfoTimer  = 16 // timers: number, overrun
	SiginfoOver   = 20
	SiginfoAddr   = 16 // faults
	SiginfoBand   = 16 // SIGIO
	SiginfoFd     = 24
	SiginfoCall   = 16 // SIGSYS: address, number, architecture
	SiginfoNr     = 24
	SiginfoArch   = 28
)

// The codes that say where a signal is from. Positive ones are the kernel's and
// mean something else for each signal.
const (
	FromUser   = 0    // SI_USER: kill
	FromKernel = 0x80 // SI_KERNEL
	FromQueue  = -1   // SI_QUEUE: sigqueue
	FromTimer  = -2   // SI_TIMER
	FromMesgq  = -3   // SI_MESGQ
	FromAio    = -4   // SI_ASYNCIO
	FromSigio  = -5   // SI_SIGIO
	FromTkill  = -6   // SI_TKILL: tkill, tgkill
)

// IsFault reports whether a siginfo tells of what the task itself did: a fault of
// the processor, a breakpoint, or a system call that a filter refused. Such a
// signal is raised and handled where the task runs.
func IsFault(info []byte) bool {
	if len(info) < SiginfoCode+4 {
		return false
	}
	code := int32(u32(info, SiginfoCode))
	switch Signal(u32(info, SiginfoSigno)) {
	case 4, 5, 7, 8, 11, 31: // ILL TRAP BUS FPE SEGV SYS
		return code > FromUser
	}
	return false
}
