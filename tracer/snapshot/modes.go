package snapshot

import (
	"errors"

	"golang.org/x/sys/unix"
)

// archGetCpuid is an option of arch_prctl (arch/x86/include/uapi/asm/prctl.h): 0 if cpuid
// raises SIGSEGV.
const archGetCpuid = 0x1011

// modesReason says what the process has forbidden itself for good.
func (s *Subject) modesReason() (string, error) {
	if s.Leader == nil || s.Caller == nil {
		return "", nil
	}
	var reasons []string
	note := func(forbidden bool, reason string) {
		if forbidden {
			reasons = append(reasons, reason)
		}
	}
	err := errors.Join(
		s.enqueue(s.Caller, func(ret int64) error {
			note(ret > 0, "may not make memory executable (PR_SET_MDWE)")
			return nil
		}, unix.SYS_PRCTL, unix.PR_GET_MDWE),
		s.enqueue(s.Caller, func(ret int64) error {
			note(ret == 0, "may not execute cpuid (ARCH_SET_CPUID)")
			return nil
		}, unix.SYS_ARCH_PRCTL, archGetCpuid),
		s.askLater(s.Caller, "prctl(PR_GET_TSC)", unix.SYS_PRCTL, 8, func(at uint64) []uint64 { return []uint64{unix.PR_GET_TSC, at} },
			func(b []byte) {
				note(half(b, 0) == unix.PR_TSC_SIGSEGV, "may not read the time stamp counter (PR_SET_TSC)")
			}),
		s.flush())
	if len(reasons) == 0 {
		return "", err
	}
	return reasons[0], err
}
