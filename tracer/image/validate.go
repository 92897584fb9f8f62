package image

import (
	"errors"
	"fmt"

	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// The limits of an image. A reader refuses what is larger.
const (
	MaxTasks    = 1 << 16 // tasks of a process
	MaxMappings = 1 << 20 // mappings, and runs of guard pages
	MaxFiles    = 1 << 16 // files that are mapped
	MaxPending  = 1 << 16 // signals in one queue
	MaxXstate   = 1 << 16 // bytes of an XSAVE area
	MaxVdso     = 1 << 16 // bytes from [vvar] to the end of [vdso]
	MaxAuxv     = 1 << 12 // bytes of the auxiliary vector

	maxLimits   = 16 // RLIM_NLIMITS
	maxFeatures = 64 // words of CPU features
	maxPath     = 1 << 13
	maxName     = 96 // "[anon:" and 80 bytes, ANON_VMA_NAME_MAX_LEN
	maxComm     = 15 // TASK_COMM_LEN without the NUL
	maxCPUs     = 1 << 16
	regsLen     = 216 // struct user_regs_struct
	actionLen   = 32  // kernel struct sigaction
	siginfoLen  = 128 // siginfo_t
	minXstate   = 576 // the legacy area and the header of an XSAVE area
)

// The bits that a mapping may have.
const (
	protBits   = unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC
	flagBits   = unix.MAP_SHARED | unix.MAP_PRIVATE | unix.MAP_GROWSDOWN | unix.MAP_NORESERVE | unix.MAP_HUGETLB | unix.MAP_ANONYMOUS
	adviceBits = AdviceLockOnFault<<1 - 1
)

// ErrInvalid is wrapped by every error of Validate.
var ErrInvalid = errors.New("invalid image")

// check returns an error that wraps ErrInvalid unless ok.
func check(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Validate tells whether the image is whole and consistent, so that who
// rebuilds it needs no further checks. Both sides call it: before an image is
// written and after it was read.
func (img *Image) Validate() error {
	return errors.Join(
		check(img.Version == Version, "version %d, not %d", img.Version, Version),
		img.Process.validate(),
		img.validateTasks(),
		img.validateFiles(),
		img.validateMappings(),
		img.validateGuards(),
		img.Signals.validate(),
		validateLimits(img.Limits),
	)
}

func (p *Process) validate() error {
	return errors.Join(
		check(p.Pid > 0, "pid %d", p.Pid),
		check(len(p.Comm) <= maxComm, "a process name of %d bytes", len(p.Comm)),
		check(len(p.Auxv) <= MaxAuxv && len(p.Auxv)%16 == 0, "an auxiliary vector of %d bytes", len(p.Auxv)),
		check(aligned(p.Window[0]) && aligned(p.Window[1]) && p.Window[0] <= p.Window[1] && p.Window[1] <= abi.TaskSize, "window at %#x-%#x", p.Window[0], p.Window[1]),
		check(len(p.CPUs) <= maxCPUs/64, "%d words of processors", len(p.CPUs)),
		check(len(p.CPU.Features) <= maxFeatures, "%d words of CPU features", len(p.CPU.Features)),
		check(p.CPU.XsaveLen <= MaxXstate, "an XSAVE area of %d bytes", p.CPU.XsaveLen),
		p.Layout.validate(),
		p.Vdso.validate(),
	)
}

func (l Layout) validate() error {
	for _, a := range []abi.Addr{l.StartCode, l.EndCode, l.StartData, l.EndData, l.StartBrk, l.Brk,
		l.StartStack, l.ArgStart, l.ArgEnd, l.EnvStart, l.EnvEnd} {
		if a >= abi.TaskSize {
			return check(false, "address %#x in the layout", a)
		}
	}
	return errors.Join(
		check(l.StartCode <= l.EndCode, "code from %#x to %#x", l.StartCode, l.EndCode),
		check(l.StartData <= l.EndData, "data from %#x to %#x", l.StartData, l.EndData),
		check(l.StartBrk <= l.Brk, "heap from %#x to %#x", l.StartBrk, l.Brk),
		check(l.ArgStart <= l.ArgEnd && l.EnvStart <= l.EnvEnd, "arguments or environment end before they start"),
	)
}

func (v *Vdso) validate() error {
	if v.Start == 0 {
		return check(v.Code == 0 && v.End == 0 && len(v.Bytes) == 0, "vdso without a start")
	}
	inOrder := aligned(v.Start) && aligned(v.Code) && aligned(v.End) &&
		v.Start <= v.Code && v.Code < v.End && v.End <= abi.TaskSize && v.End-v.Start <= MaxVdso
	if !inOrder {
		return check(false, "vdso at %#x, %#x, %#x", v.Start, v.Code, v.End)
	}
	if len(v.Bytes) != int(v.End-v.Code) {
		return check(false, "%d bytes of vdso for %#x-%#x", len(v.Bytes), v.Code, v.End)
	}
	return check(blake3.Sum256(v.Bytes) == v.Hash, "the vdso's hash differs")
}

func (img *Image) validateTasks() error {
	if len(img.Tasks) == 0 || len(img.Tasks) > MaxTasks {
		return check(false, "%d tasks", len(img.Tasks))
	}
	seen := make(map[abi.HomePid]bool, len(img.Tasks))
	for i := range img.Tasks {
		t := &img.Tasks[i]
		if err := t.validate(); err != nil {
			return fmt.Errorf("task %d: %w", t.Tid, err)
		}
		if seen[t.Tid] {
			return check(false, "task %d twice", t.Tid)
		}
		seen[t.Tid] = true
	}
	return nil
}

func (t *Task) validate() error {
	return errors.Join(
		check(t.Tid > 0, "its number"),
		check(len(t.Regs) == regsLen, "%d bytes of registers", len(t.Regs)),
		check(len(t.Xstate) >= minXstate && len(t.Xstate) <= MaxXstate, "%d bytes of XSAVE state", len(t.Xstate)),
		check(len(t.Comm) <= maxComm, "a name of %d bytes", len(t.Comm)),
		check(t.AltStack.Sp < abi.TaskSize, "signal stack at %#x", t.AltStack.Sp),
		check(len(t.CPUs) <= maxCPUs/64, "%d words of processors", len(t.CPUs)),
		check(t.Rseq.Addr < abi.TaskSize && t.Rseq.Size <= abi.PageSize, "rseq area %#x+%d", t.Rseq.Addr, t.Rseq.Size),
		check(t.RobustHead < abi.TaskSize && t.RobustLen <= abi.PageSize, "robust list %#x+%d", t.RobustHead, t.RobustLen),
		check(t.ClearTid < abi.TaskSize, "clear_child_tid at %#x", t.ClearTid),
		validateQueue(t.Pending),
	)
}

func (s *Signals) validate() error {
	if s.Actions[0] != nil {
		return check(false, "an action for signal 0")
	}
	for n, a := range s.Actions {
		if a != nil && len(a) != actionLen {
			return check(false, "%d bytes of action for signal %d", len(a), n)
		}
	}
	return validateQueue(s.Pending)
}

func validateQueue(queue [][]byte) error {
	if len(queue) > MaxPending {
		return check(false, "%d pending signals", len(queue))
	}
	for _, info := range queue {
		if len(info) != siginfoLen {
			return check(false, "%d bytes of siginfo", len(info))
		}
	}
	return nil
}

func validateLimits(limits []Limit) error {
	var seen [maxLimits]bool
	for _, l := range limits {
		if l.Resource < 0 || l.Resource >= maxLimits || seen[l.Resource] {
			return check(false, "resource limit %d", l.Resource)
		}
		if l.Soft > l.Hard {
			return check(false, "resource limit %d is above its hard limit", l.Resource)
		}
		seen[l.Resource] = true
	}
	return nil
}

func aligned(a abi.Addr) bool { return a%abi.PageSize == 0 }
