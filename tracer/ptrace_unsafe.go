package tracer

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// Requests of ptrace(2) that golang.org/x/sys/unix has no wrapper for
// (include/uapi/linux/ptrace.h).
const (
	ptraceCont          = 7
	ptraceSinglestep    = 9
	ptraceGetregs       = 12
	ptraceSetregs       = 13
	ptraceDetach        = 17
	ptraceSyscall       = 24
	ptraceSetoptions    = 0x4200
	ptraceGeteventmsg   = 0x4201
	ptraceGetsiginfo    = 0x4202
	ptraceSetsiginfo    = 0x4203
	ptraceGetregset     = 0x4204
	ptraceSetregset     = 0x4205
	ptraceSeize         = 0x4206
	ptraceInterrupt     = 0x4207
	ptraceListen        = 0x4208
	ptracePeeksiginfo   = 0x4209
	ptraceGetsigmask    = 0x420a
	ptraceSetsigmask    = 0x420b
	ptraceGetRseqConfig = 0x420f
	peeksiginfoShared   = 1
	ntX86Xstate         = 0x202
	kernelSigsetBytes   = 8
)

// seize is the one request that may block: the runtime must know of it.
func seize(tid abi.LocalPid, options int) error {
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, ptraceSeize, uintptr(tid), 0, uintptr(options), 0, 0)
	return explainPtrace(errno)
}

// ptrace makes one request without memory of ours. RawSyscall is right: no request
// made here blocks.
func ptrace(request int, tid abi.LocalPid, addr, data uintptr) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), addr, data, 0, 0)
	return explainPtrace(errno)
}

// ptracePtr makes one request that reads or writes memory of ours. The pointer must
// become a number in the very call: until then the stack that it points to may move
// (package unsafe, rule 4).
func ptracePtr(request int, tid abi.LocalPid, addr uintptr, data unsafe.Pointer) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), addr, uintptr(data), 0, 0)
	return explainPtrace(errno)
}

func explainPtrace(errno unix.Errno) error {
	switch errno {
	case 0:
		return nil
	case unix.ESRCH:
		return ErrGone
	}
	return errno
}

func getRegs(tid abi.LocalPid, r *Regs) error {
	return ptracePtr(ptraceGetregs, tid, 0, unsafe.Pointer(r))
}

func setRegs(tid abi.LocalPid, r *Regs) error {
	return ptracePtr(ptraceSetregs, tid, 0, unsafe.Pointer(r))
}

func getRegset(tid abi.LocalPid, kind uintptr, buf []byte) (int, error) {
	iov := unix.Iovec{Base: &buf[0], Len: uint64(len(buf))}
	err := ptracePtr(ptraceGetregset, tid, kind, unsafe.Pointer(&iov))
	return int(iov.Len), err
}

func setRegset(tid abi.LocalPid, kind uintptr, buf []byte) error {
	iov := unix.Iovec{Base: &buf[0], Len: uint64(len(buf))}
	return ptracePtr(ptraceSetregset, tid, kind, unsafe.Pointer(&iov))
}

func getSigMask(tid abi.LocalPid) (mask uint64, err error) {
	err = ptracePtr(ptraceGetsigmask, tid, kernelSigsetBytes, unsafe.Pointer(&mask))
	return mask, err
}

func setSigMask(tid abi.LocalPid, mask uint64) error {
	return ptracePtr(ptraceSetsigmask, tid, kernelSigsetBytes, unsafe.Pointer(&mask))
}

func getSiginfo(tid abi.LocalPid, s *Siginfo) error {
	return ptracePtr(ptraceGetsiginfo, tid, 0, unsafe.Pointer(s))
}

func setSiginfo(tid abi.LocalPid, s *Siginfo) error {
	return ptracePtr(ptraceSetsiginfo, tid, 0, unsafe.Pointer(s))
}

// peekSiginfo reads up to len(buf) queued signals from number off on
// (struct ptrace_peeksiginfo_args).
func peekSiginfo(tid abi.LocalPid, off uint64, shared bool, buf []Siginfo) (int, error) {
	args := struct {
		off   uint64
		flags uint32
		nr    int32
	}{off: off, nr: int32(len(buf))}
	if shared {
		args.flags = peeksiginfoShared
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, ptracePeeksiginfo, uintptr(tid),
		uintptr(unsafe.Pointer(&args)), uintptr(unsafe.Pointer(&buf[0])), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func getEventMessage(tid abi.LocalPid) (msg uint64, err error) {
	err = ptracePtr(ptraceGeteventmsg, tid, 0, unsafe.Pointer(&msg))
	return msg, err
}

func getRseqConfig(tid abi.LocalPid, c *RseqConfig) error {
	return ptracePtr(ptraceGetRseqConfig, tid, unsafe.Sizeof(*c), unsafe.Pointer(c))
}

// getDispatch reads how the task's calls are turned into signals.
func getDispatch(tid abi.LocalPid, c *dispatchConfig) error {
	return ptracePtr(unix.PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, tid, unsafe.Sizeof(*c), unsafe.Pointer(c))
}

// tgsigqueueinfo sends a signal with its siginfo (man rt_tgsigqueueinfo).
func tgsigqueueinfo(pid, tid abi.LocalPid, s *Siginfo) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_TGSIGQUEUEINFO, uintptr(pid), uintptr(tid), uintptr(s.Signal()), uintptr(unsafe.Pointer(s)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
