package snapshot

import (
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/image"
)

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
		err := error(nil)
		if semantic&flag != 0 {
			err = s.later("madvise", unix.SYS_MADVISE, uint64(r.start), r.len(), call)
		} else {
			err = s.try(unix.SYS_MADVISE, uint64(r.start), r.len(), call)
		}
		if err != nil {
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
	return s.try(unix.SYS_MLOCK2, uint64(r.start), r.len(), flags)
}

// name names anonymous memory (man prctl, PR_SET_VMA_ANON_NAME). Kernels without
// it show no name.
func (s *Subject) name(r span, m *image.Mapping) error {
	text, named := strings.CutPrefix(m.Name, "[anon:")
	if !named {
		return nil
	}
	at, err := s.put(s.Caller, append([]byte(strings.TrimSuffix(text, "]")), 0))
	if err != nil {
		return err
	}
	return s.try(unix.SYS_PRCTL, unix.PR_SET_VMA, unix.PR_SET_VMA_ANON_NAME, uint64(r.start), r.len(), at)
}

// guardInstall is MADV_GUARD_INSTALL, since Linux 6.13.
const guardInstall = 102

func (s *Subject) finishGuards(img *image.Image) error {
	for _, g := range img.Guards {
		err := s.later("madvise(MADV_GUARD_INSTALL)", unix.SYS_MADVISE, uint64(g.Addr), uint64(g.Len()), guardInstall)
		if err != nil {
			return err
		}
	}
	return nil
}
