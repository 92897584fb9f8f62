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

// Strip makes a body of a process that has left: its memory is given back, and
// the kernel forgets the places in it that it would write to by itself. Mappings
// stay as they are, so that /proc shows them. The pages of arguments and
// environment and those under keep keep their contents: ps reads the ones, calls
// in flight write to the others. img is what Take returned.
func Strip(s *Subject, img *image.Image, keep []abi.Region) error {
	if err := s.strip(img, keep); err != nil {
		return fmt.Errorf("strip pid %d: %w", s.Pid, err)
	}
	return nil
}

func (s *Subject) strip(img *image.Image, keep []abi.Region) error {
	if len(s.Tasks) != len(img.Tasks) {
		return fmt.Errorf("%d tasks for the %d of the image", len(s.Tasks), len(img.Tasks))
	}
	for i, k := range s.Tasks {
		if err := s.forget(s.callerOf(k), &img.Tasks[i]); err != nil {
			return err
		}
	}
	if err := s.giveBack(img, stays(img, keep)); err != nil {
		return err
	}
	return s.flush()
}

// forget makes the kernel forget where in the memory of a task it would write:
// it kills a task whose rseq area is gone.
func (s *Subject) forget(c tracer.Caller, t *image.Task) error {
	if t.Rseq.Addr != 0 {
		if err := s.unregister(c, t.Rseq); err != nil {
			return err
		}
	}
	const listHead = 24 // sizeof(struct robust_list_head)
	if err := s.laterBy(c, "set_robust_list", unix.SYS_SET_ROBUST_LIST, 0, listHead); err != nil {
		return err
	}
	return s.laterBy(c, "set_tid_address", unix.SYS_SET_TID_ADDRESS, 0)
}

func (s *Subject) unregister(c tracer.Caller, r image.Rseq) error {
	const unregister = 1 // RSEQ_FLAG_UNREGISTER
	return s.laterBy(c, "rseq", unix.SYS_RSEQ, uint64(r.Addr), uint64(r.Size), unregister, uint64(r.Sig))
}

// stays returns the ranges whose contents stay, ascending and apart.
func stays(img *image.Image, keep []abi.Region) []span {
	l := img.Process.Layout
	spans := []span{{l.ArgStart.PageDown(), l.ArgEnd.PageUp()}, {l.EnvStart.PageDown(), l.EnvEnd.PageUp()}}
	for _, r := range keep {
		if r.Len > 0 && r.Addr < abi.TaskSize && r.Len <= uint64(abi.TaskSize-r.Addr) {
			spans = append(spans, span{r.Addr.PageDown(), (r.Addr + abi.Addr(r.Len)).PageUp()})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	var out []span
	for _, p := range spans {
		if n := len(out); n > 0 && p.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, p.end)
		} else if !p.empty() {
			out = append(out, p)
		}
	}
	return out
}

// letStore makes a mapping of a file that the process has to itself writable: what a guest
// stores there comes to it. Prepare protects it again.
func (s *Subject) letStore(img *image.Image, m *image.Mapping) error {
	if !isOwn(img, m) || m.Prot&unix.PROT_WRITE != 0 {
		return nil
	}
	return s.protect(m, m.Prot|unix.PROT_WRITE)
}

// giveBack drops all pages but those of stays, and of files that are shared. Locked
// memory is unlocked first; Finish locks it again.
func (s *Subject) giveBack(img *image.Image, stays []span) error {
	var private []span
	for i := range img.Mappings {
		m := &img.Mappings[i]
		if m.Flags&unix.MAP_SHARED != 0 && m.File >= 0 {
			if err := s.letStore(img, m); err != nil {
				return err
			}
			continue
		}
		r := wantedSpan(m)
		if m.Advice&image.AdviceLocked != 0 {
			if err := s.later("munlock", unix.SYS_MUNLOCK, uint64(r.start), r.len()); err != nil {
				return err
			}
		}
		if !isSharedAnonymous(m) {
			private = append(private, r)
			continue
		}
		for _, gone := range r.minus(stays) {
			if err := s.removeShared(gone); err != nil {
				return err
			}
		}
	}
	for _, p := range joined(private) {
		for _, gone := range p.minus(stays) {
			if err := s.later("madvise(MADV_DONTNEED)", unix.SYS_MADVISE, uint64(gone.start), gone.len(), unix.MADV_DONTNEED); err != nil {
				return err
			}
		}
	}
	return nil
}
