package snapshot

import (
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// Finish makes a prepared and filled process the one that the image describes,
// ready to run, if the trailer confirms that every page has arrived. The tasks of
// the subject are those of the image, in its order. Pending signals and calls
// (image.Task.Pending and Call, Signals.Pending) are left to the caller.
func Finish(s *Subject, img *image.Image, t image.Trailer) error {
	if err := s.finish(img, t); err != nil {
		return fmt.Errorf("finish pid %d: %w", s.Pid, err)
	}
	return nil
}

func (s *Subject) finish(img *image.Image, t image.Trailer) error {
	if s.wanted != img {
		return errors.New("the image is not the one that was prepared")
	}
	if err := s.tally.Check(t); err != nil {
		return err
	}
	if len(s.Tasks) != len(img.Tasks) {
		return fmt.Errorf("%d tasks for the %d of the image", len(s.Tasks), len(img.Tasks))
	}
	if err := s.writeLate(); err != nil {
		return err
	}
	steps := []func(*image.Image) error{
		s.finishMemory, s.finishLayout, s.finishSignals, s.finishLimits, s.finishPersonality, s.finishBarriers,
		s.finishPointers, s.verify, s.finishProcessors,
	}
	for _, step := range steps {
		if err := step(img); err != nil {
			return err
		}
	}
	return nil
}

// finishLayout tells the kernel heap, arguments, environment and auxiliary vector
// (man prctl, PR_SET_MM_MAP: needs no privilege as long as exe_fd is -1).
func (s *Subject) finishLayout(img *image.Image) error {
	l := img.Process.Layout
	const head = 104 // struct prctl_mm_map
	at, err := s.put(s.Caller, make([]byte, head+len(img.Process.Auxv)))
	if err != nil {
		return err
	}
	b := words(uint64(l.StartCode), uint64(l.EndCode), uint64(l.StartData), uint64(l.EndData),
		uint64(l.StartBrk), uint64(l.Brk), uint64(l.StartStack),
		uint64(l.ArgStart), uint64(l.ArgEnd), uint64(l.EnvStart), uint64(l.EnvEnd),
		at+head, uint64(len(img.Process.Auxv))|uint64(^uint32(0))<<32)
	if _, err := s.Mem.WriteAt(append(b, img.Process.Auxv...), abi.Addr(at)); err != nil {
		return fmt.Errorf("scratch: %w", err)
	}
	return s.later("prctl(PR_SET_MM_MAP)", unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, at, head, 0)
}

// finishSignals sets the actions that differ: setting one anew could throw away
// pending signals.
func (s *Subject) finishSignals(img *image.Image) error {
	var have [65][]byte
	if err := errors.Join(s.takeActions(&have), s.flush()); err != nil {
		return err
	}
	for sig := 1; sig <= 64; sig++ {
		want := img.Signals.Actions[sig]
		if string(have[sig]) == string(want) {
			continue
		}
		if want == nil {
			want = make([]byte, sigactionSize)
		}
		at, err := s.put(s.Caller, want)
		if err != nil {
			return err
		}
		if err := s.later(fmt.Sprintf("rt_sigaction(%d)", sig), unix.SYS_RT_SIGACTION, uint64(sig), at, 0, 8); err != nil {
			return err
		}
	}
	return nil
}

// finishLimits applies the limits that the kernel of a guest enforces on memory.
// At home the body has had its limits all the time.
func (s *Subject) finishLimits(img *image.Image) error {
	if !s.away() {
		return nil
	}
	if err := s.flush(); err != nil { // what is to be made without these limits
		return err
	}
	for _, l := range img.Limits {
		if err := SetLimit(s.LocalPid, s.Window, l); err != nil {
			return err
		}
	}
	return nil
}

// SetLimit sets a limit of home for a guest with that window, if its kernel is to enforce
// it: home enforces the others.
func SetLimit(pid abi.LocalPid, window [2]abi.Addr, l image.Limit) error {
	want := unix.Rlimit{Cur: l.Soft, Max: l.Hard}
	switch l.Resource {
	case unix.RLIMIT_AS:
		// Our window must not count.
		ours := uint64(window[1] - window[0])
		want.Cur, want.Max = sum(want.Cur, ours), sum(want.Max, ours)
	case unix.RLIMIT_DATA, unix.RLIMIT_STACK, unix.RLIMIT_MEMLOCK:
	default:
		return nil
	}
	return limit(pid, l.Resource, want)
}

// sum adds without leaving RLIM_INFINITY.
func sum(a, b uint64) uint64 {
	if c, carry := bits.Add64(a, b, 0); carry == 0 {
		return c
	}
	return unix.RLIM_INFINITY
}

// limit sets a resource limit as far as this machine's own hard limit allows.
func limit(pid abi.LocalPid, resource int, want unix.Rlimit) error {
	var have unix.Rlimit
	if err := unix.Prlimit(int(pid), resource, nil, &have); err != nil {
		return fmt.Errorf("limit %d: %w", resource, err)
	}
	if have == want {
		return nil
	}
	err := unix.Prlimit(int(pid), resource, &want, nil)
	if errors.Is(err, unix.EPERM) {
		want.Max = min(want.Max, have.Max)
		want.Cur = min(want.Cur, want.Max)
		err = unix.Prlimit(int(pid), resource, &want, nil)
	}
	if err != nil {
		return fmt.Errorf("limit %d: %w", resource, err)
	}
	return nil
}

func (s *Subject) finishPersonality(img *image.Image) error {
	have, err := readPersonality(s.LocalPid)
	if err != nil || have == img.Process.Personality {
		return err
	}
	return s.later("personality", unix.SYS_PERSONALITY, img.Process.Personality)
}
