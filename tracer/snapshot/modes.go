package snapshot

import "golang.org/x/sys/unix"

// archGetCpuid is an option of arch_prctl (arch/x86/include/uapi/asm/prctl.h): 0 if cpuid
// raises SIGSEGV.
const archGetCpuid = 0x1011

// modesReason says what the process has forbidden itself for good.
func (s *Subject) modesReason() (string, error) {
	if s.Leader == nil || s.Caller == nil {
		return "", nil
	}
	for _, mode := range []struct {
		call   [2]uint64
		set    func(ret int64) bool
		reason string
	}{
		{[2]uint64{unix.SYS_PRCTL, unix.PR_GET_MDWE}, func(ret int64) bool { return ret > 0 }, "may not make memory executable (PR_SET_MDWE)"},
		{[2]uint64{unix.SYS_ARCH_PRCTL, archGetCpuid}, func(ret int64) bool { return ret == 0 }, "may not execute cpuid (ARCH_SET_CPUID)"},
	} {
		ret, err := s.Caller.Call(mode.call[0], mode.call[1], 0, 0, 0, 0)
		if err != nil {
			return "", err
		}
		if mode.set(ret) {
			return mode.reason, nil
		}
	}
	tsc, err := s.ask(s.Caller, "prctl(PR_GET_TSC)", unix.SYS_PRCTL, 8, func(at uint64) []uint64 { return []uint64{unix.PR_GET_TSC, at} })
	if err != nil {
		return "", err
	}
	if half(tsc, 0) == unix.PR_TSC_SIGSEGV {
		return "may not read the time stamp counter (PR_SET_TSC)", nil
	}
	return "", nil
}
