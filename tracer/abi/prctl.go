package abi

import "golang.org/x/sys/unix"

// Options of prctl that x/sys has no name for yet (include/uapi/linux/prctl.h).
const (
	prSetVMA          = 0x53564d41
	prGetAuxv         = 0x41555856
	prSetPtracer      = 0x59616d61
	prSetMerge        = 67
	prGetMerge        = 68
	prShstkLast       = 76
	prTimerRestoreIDs = 77
	prFutexHash       = 78
	prRseqSlice       = 79
	prHighestKnown    = 79
)

// prctlPlace is where an option of prctl is executed. What is about memory or the
// processor is the guest's; what is about the process is home's.
func prctlPlace(args *[6]uint64) Placement {
	switch option := int32(args[0]); option {
	case prSetVMA:
		return Native // names of mappings; the guest's own /proc is never seen
	case unix.PR_SET_NAME, unix.PR_SET_TIMERSLACK, unix.PR_GET_TIMERSLACK, unix.PR_GET_TID_ADDRESS,
		unix.PR_SET_THP_DISABLE, unix.PR_GET_THP_DISABLE, prSetMerge, prGetMerge, prFutexHash:
		return Local
	case unix.PR_SET_SECCOMP, unix.PR_SET_TSC, unix.PR_SET_MM, unix.PR_SET_MDWE, unix.PR_SET_SYSCALL_USER_DISPATCH,
		unix.PR_SCHED_CORE, unix.PR_SET_SPECULATION_CTRL, prRseqSlice, prShstkLast - 1, prShstkLast:
		return ComeHome
	case unix.PR_SET_DUMPABLE:
		if args[1] != 1 {
			return ComeHome // its memory could no longer be read
		}
		return Home
	case prGetAuxv, prSetPtracer:
		return Home
	default:
		if option < 0 || option > prHighestKnown {
			return ComeHome
		}
		return Home
	}
}

// prctlArg shapes prctl's second argument by the first.
func prctlArg(p *planner, i int) {
	switch int32(p.args[0]) {
	case unix.PR_SET_NAME:
		p.str(i, Addr(p.args[i]), 16)
	case unix.PR_GET_NAME:
		p.fixed(i, 16, Out)
	case unix.PR_GET_PDEATHSIG, unix.PR_GET_TSC, unix.PR_GET_UNALIGN, unix.PR_GET_FPEMU, unix.PR_GET_FPEXC,
		unix.PR_GET_ENDIAN, unix.PR_GET_CHILD_SUBREAPER:
		p.fixed(i, 4, InOut)
	case unix.PR_GET_TID_ADDRESS:
		p.fixed(i, 8, InOut)
	case prGetAuxv:
		// The result is the length of the whole vector, whatever fitted.
		p.region(Addr(p.args[i]), min(p.args[2], MaxRW), Out, arg(i), OutRule{Kind: OutRet, Unit: 1})
	}
}

// The codes of arch_prctl (arch/x86/include/uapi/asm/prctl.h).
const (
	archSetGS     = 0x1001
	archGetGS     = 0x1004
	archGetCpuid  = 0x1011
	archSupported = 0x1021
	archPermitted = 0x1022
	archGuestPerm = 0x1024
	archCETStatus = 0x3001
	archUntagMask = 0x4001
	archTagBits   = 0x4003
	archShstkStat = 0x5005
)

// archPlace is where a code of arch_prctl is executed.
func archPlace(args *[6]uint64) Placement {
	switch code := uint32(args[0]); {
	case code >= archSetGS && code <= archGetGS:
		return Native // the bases of FS and GS
	case code == archGetCpuid, code == archSupported, code == archPermitted, code == archGuestPerm,
		code == archCETStatus, code == archUntagMask, code == archTagBits, code == archShstkStat:
		return Home
	}
	return ComeHome
}

// archArg shapes arch_prctl's second argument where it is a pointer.
func archArg(p *planner, i int) {
	switch uint32(p.args[0]) {
	case archSupported, archPermitted, archGuestPerm, archUntagMask, archTagBits, archShstkStat:
		p.fixed(i, 8, InOut)
	case archCETStatus:
		p.fixed(i, 24, InOut)
	case 0x1003, archGetGS:
		p.fixed(i, 8, Out)
	}
}
