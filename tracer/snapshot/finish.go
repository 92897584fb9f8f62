package snapshot

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer"
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
	steps := []func(*image.Image) error{
		s.finishMemory, s.finishLayout, s.finishSignals, s.finishLimits, s.finishPersonality,
		s.finishPointers, s.verify, s.finishProcessors,
	}
	for _, step := range steps {
		if err := step(img); err != nil {
			return err
		}
	}
	return nil
}

// finishMemory brings protections and advice to their final state.
func (s *Subject) finishMemory(img *image.Image) error {
	for m := range s.loose {
		if err := s.protect(m, m.Prot); err != nil {
			return err
		}
	}
	for i := range img.Mappings {
		m := &img.Mappings[i]
		kept := s.kept.of(m)
		for _, p := range kept {
			if err := s.dress(p.span, p.area, m); err != nil {
				return err
			}
		}
		for _, made := range wantedSpan(m).minus(kept.spans()) {
			if err := s.dress(made, tracer.Area{}, m); err != nil {
				return err
			}
		}
	}
	return s.finishGuards(img)
}

// dress gives advice and name to a part of a mapping, which was part of an area
// before (or of none).
func (s *Subject) dress(r span, was tracer.Area, m *image.Mapping) error {
	if err := s.advise(r, adviceOf(was), m.Advice); err != nil {
		return err
	}
	if was.Path == m.Name {
		return nil
	}
	return s.name(r, m)
}

// adviceCalls are the madvise arguments that set and clear each bit, by bit
// number. Zero means that the bit is handled elsewhere.
var adviceCalls = [...]struct{ set, clear uint64 }{
	{unix.MADV_DONTFORK, unix.MADV_DOFORK}, {unix.MADV_DONTDUMP, unix.MADV_DODUMP},
	{unix.MADV_WIPEONFORK, unix.MADV_KEEPONFORK}, {unix.MADV_HUGEPAGE, 0}, {unix.MADV_NOHUGEPAGE, 0},
	{unix.MADV_MERGEABLE, unix.MADV_UNMERGEABLE}, {unix.MADV_SEQUENTIAL, unix.MADV_NORMAL},
	{unix.MADV_RANDOM, unix.MADV_NORMAL},
}

// semantic are the bits that a program can see; the others only make it faster.
const semantic = image.AdviceDontFork | image.AdviceWipeOnFork

// advise changes the advice of a range from what it has to what is wanted.
func (s *Subject) advise(r span, has, want uint32) error {
	for bit := range adviceCalls {
		flag := uint32(1) << bit
		call := adviceCalls[bit].clear
		if want&flag != 0 {
			call = adviceCalls[bit].set
		}
		if has&flag == want&flag || call == 0 && want&flag == 0 {
			continue
		}
		_, err := s.call("madvise", unix.SYS_MADVISE, uint64(r.start), r.len(), call)
		if err != nil && semantic&flag != 0 {
			return err
		}
	}
	return s.lock(r, want)
}

// lock locks memory. A guest may have less to lock than home gives it; unlocked
// memory is right too.
func (s *Subject) lock(r span, want uint32) error {
	if want&image.AdviceLocked == 0 {
		return nil
	}
	var flags uint64
	if want&image.AdviceLockOnFault != 0 {
		flags = unix.MLOCK_ONFAULT
	}
	_, err := s.Caller.Call(unix.SYS_MLOCK2, uint64(r.start), r.len(), flags)
	return err
}

// name names anonymous memory (man prctl, PR_SET_VMA_ANON_NAME). Kernels without
// it show no name.
func (s *Subject) name(r span, m *image.Mapping) error {
	text, named := strings.CutPrefix(m.Name, "[anon:")
	if !named {
		return nil
	}
	at, err := s.put(append([]byte(strings.TrimSuffix(text, "]")), 0))
	if err != nil {
		return err
	}
	_, err = s.Caller.Call(unix.SYS_PRCTL, unix.PR_SET_VMA, unix.PR_SET_VMA_ANON_NAME, uint64(r.start), r.len(), at)
	return err
}

// guardInstall is MADV_GUARD_INSTALL, since Linux 6.13.
const guardInstall = 102

func (s *Subject) finishGuards(img *image.Image) error {
	for _, g := range img.Guards {
		_, err := s.call("madvise(MADV_GUARD_INSTALL)", unix.SYS_MADVISE, uint64(g.Addr), uint64(g.Len()), guardInstall)
		if err != nil {
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
	at := uint64(s.Scratch(head + len(img.Process.Auxv)))
	b := words(uint64(l.StartCode), uint64(l.EndCode), uint64(l.StartData), uint64(l.EndData),
		uint64(l.StartBrk), uint64(l.Brk), uint64(l.StartStack),
		uint64(l.ArgStart), uint64(l.ArgEnd), uint64(l.EnvStart), uint64(l.EnvEnd),
		at+head, uint64(len(img.Process.Auxv))|uint64(^uint32(0))<<32)
	if _, err := s.Mem.WriteAt(append(b, img.Process.Auxv...), abi.Addr(at)); err != nil {
		return fmt.Errorf("scratch: %w", err)
	}
	_, err := s.call("prctl(PR_SET_MM_MAP)", unix.SYS_PRCTL, unix.PR_SET_MM, unix.PR_SET_MM_MAP, at, head, 0)
	return err
}

// finishSignals sets the actions that differ: setting one anew could throw away
// pending signals.
func (s *Subject) finishSignals(img *image.Image) error {
	have, err := s.actions()
	if err != nil {
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
		at, err := s.put(want)
		if err != nil {
			return err
		}
		if _, err := s.call(fmt.Sprintf("rt_sigaction(%d)", sig), unix.SYS_RT_SIGACTION, uint64(sig), at, 0, 8); err != nil {
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
	for _, l := range img.Limits {
		want := unix.Rlimit{Cur: l.Soft, Max: l.Hard}
		switch l.Resource {
		case unix.RLIMIT_AS, unix.RLIMIT_DATA:
			// Our window must not count.
			want.Cur, want.Max = sum(want.Cur, s.window().len()), sum(want.Max, s.window().len())
		case unix.RLIMIT_STACK, unix.RLIMIT_MEMLOCK:
		default:
			continue
		}
		if err := s.limit(l.Resource, want); err != nil {
			return err
		}
	}
	return nil
}

// sum adds without leaving RLIM_INFINITY.
func sum(a, b uint64) uint64 {
	if c, carry := bits.Add64(a, b, 0); carry == 0 {
		return c
	}
	return unix.RLIM_INFINITY
}

// limit sets a resource limit as far as this machine's own hard limit allows.
func (s *Subject) limit(resource int, want unix.Rlimit) error {
	var have unix.Rlimit
	if err := unix.Prlimit(int(s.LocalPid), resource, nil, &have); err != nil {
		return fmt.Errorf("limit %d: %w", resource, err)
	}
	if have == want {
		return nil
	}
	err := unix.Prlimit(int(s.LocalPid), resource, &want, nil)
	if errors.Is(err, unix.EPERM) {
		want.Max = min(want.Max, have.Max)
		want.Cur = min(want.Cur, want.Max)
		err = unix.Prlimit(int(s.LocalPid), resource, &want, nil)
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
	_, err = s.call("personality", unix.SYS_PERSONALITY, img.Process.Personality)
	return err
}
