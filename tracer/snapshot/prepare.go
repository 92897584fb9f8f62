package snapshot

import (
	"cmp"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// Prepare makes the address space of an image in a process: what the process has
// and the image wants is kept, emptied of what was written to it; the rest is
// unmapped, and what is missing is mapped. Afterwards every page reads as zeros
// or as its file. The window stays. The process is a fresh one without restartable
// sequences, or has been through Strip. After a failure it is of no use, but for
// another Prepare.
func Prepare(s *Subject, img *image.Image) error {
	if err := s.prepare(img); err != nil {
		return fmt.Errorf("prepare pid %d: %w", s.Pid, err)
	}
	return nil
}

func (s *Subject) prepare(img *image.Image) error {
	if err := s.accept(img); err != nil {
		return err
	}
	if err := s.forgetRseq(); err != nil {
		return err
	}
	areas, err := tracer.ReadAreas(s.LocalPid)
	if err != nil {
		return err
	}
	vdso, err := s.planVdso(areas, img.Process.Vdso)
	if err != nil {
		return err
	}
	s.kept = s.keepable(areas, img)
	if err := s.clear(areas, vdso); err != nil {
		return err
	}
	if err := s.placeVdso(vdso, img.Process.Vdso); err != nil {
		return err
	}
	return s.mapMissing(img)
}

// accept checks that the image may be rebuilt here and begins a new tally.
func (s *Subject) accept(img *image.Image) error {
	if err := img.Validate(); err != nil {
		return err
	}
	for i := range img.Mappings {
		if m := &img.Mappings[i]; wantedSpan(m).overlaps(s.window()) {
			return fmt.Errorf("mapping %#x-%#x lies over our window", m.Start, m.End)
		}
	}
	if v := img.Process.Vdso; (span{v.Start, v.End}).overlaps(s.window()) {
		return fmt.Errorf("vdso at %#x lies over our window", v.Start)
	}
	s.wanted, s.tally, s.late, s.loose = img, image.Tally{}, nil, map[*image.Mapping]bool{}
	return nil
}

// forgetRseq ends registrations that a Finish which failed has left: the kernel
// kills a task whose area is unmapped. Tasks that run in the loop are not asked.
func (s *Subject) forgetRseq() error {
	for _, k := range s.Tasks {
		c, err := k.RseqConfig()
		if err != nil || c.Pointer == 0 {
			continue
		}
		r := image.Rseq{Addr: c.Pointer, Size: c.Size, Sig: c.Signature}
		if err := s.unregister(s.callerOf(k), r); err != nil {
			return err
		}
	}
	return nil
}

// clear unmaps everything that is not kept and empties what is.
func (s *Subject) clear(areas []tracer.Area, vdso vdsoPlan) error {
	holes := append(s.kept.spans(), s.window())
	var present []span
	for _, a := range areas {
		if a.Start >= abi.TaskSize || isKernels(a) && vdso.keep {
			continue
		}
		present = append(present, spanOf(a))
	}
	slices.SortFunc(holes, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	for _, p := range joined(present) {
		for _, gone := range p.minus(holes) {
			if err := s.later("munmap", unix.SYS_MUNMAP, uint64(gone.start), gone.len()); err != nil {
				return err
			}
		}
	}
	return s.empty(s.kept)
}

// empty drops the pages of what is kept, but for those of files that are shared. Locked
// memory refuses that.
func (s *Subject) empty(kept pieces) error {
	var private []span
	for _, p := range kept {
		if p.area.HasFlag("lo") {
			if err := s.later("munlock", unix.SYS_MUNLOCK, uint64(p.start), p.len()); err != nil {
				return err
			}
		}
		switch {
		case !p.area.Shared():
			private = append(private, p.span)
		case sharesAnonymous(p.area):
			if err := s.removeShared(p.span); err != nil {
				return err
			}
		}
	}
	for _, p := range joined(private) {
		if err := s.later("madvise(MADV_DONTNEED)", unix.SYS_MADVISE, uint64(p.start), p.len(), unix.MADV_DONTNEED); err != nil {
			return err
		}
	}
	if err := s.removeGuards(private); err != nil {
		return err
	}
	for _, p := range kept {
		if protOf(p.area) == p.want.Prot {
			continue
		}
		if err := s.later("mprotect", unix.SYS_MPROTECT, uint64(p.start), p.len(), uint64(p.want.Prot)); err != nil {
			return err
		}
	}
	return nil
}

// guardRemove is MADV_GUARD_REMOVE, since Linux 6.13. MADV_DONTNEED leaves guards.
const guardRemove = 103

func (s *Subject) removeGuards(spans []span) error {
	if !guards() {
		return nil
	}
	pages, err := openPagemap(s.LocalPid)
	if err != nil {
		return err
	}
	defer pages.close()
	for _, p := range spans {
		err := pages.each(p, pageFilter{anyOf: pageGuard}, func(g span) error {
			return s.later("madvise(MADV_GUARD_REMOVE)", unix.SYS_MADVISE, uint64(g.start), g.len(), guardRemove)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
