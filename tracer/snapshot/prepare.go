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
	s.wanted, s.tally, s.loose = img, image.Tally{}, map[*image.Mapping]bool{}
	return nil
}

// piece is a part of an area that stays for a wanted mapping.
type piece struct {
	span
	area tracer.Area
	want *image.Mapping
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

// pieces are ascending and do not overlap.
type pieces []piece

// of returns the pieces of one mapping.
func (ps pieces) of(m *image.Mapping) pieces {
	first, _ := slices.BinarySearchFunc(ps, m.Start, func(p piece, at abi.Addr) int { return cmp.Compare(p.start, at) })
	last := first
	for last < len(ps) && ps[last].want == m {
		last++
	}
	return ps[first:last]
}

func (ps pieces) spans() []span {
	out := make([]span, len(ps))
	for i, p := range ps {
		out[i] = p.span
	}
	return out
}

// keepable finds, in ascending order, the parts of the present areas that are
// what the image wants.
func (s *Subject) keepable(areas []tracer.Area, img *image.Image) pieces {
	var kept pieces
	next := 0
	for _, a := range areas {
		if isKernels(a) || s.ours(a) {
			continue
		}
		for next < len(img.Mappings) && img.Mappings[next].End <= a.Start {
			next++
		}
		for i := next; i < len(img.Mappings) && img.Mappings[i].Start < a.End; i++ {
			m := &img.Mappings[i]
			if s.fits(a, m, img) {
				kept = append(kept, piece{spanOf(a).cut(wantedSpan(m)), a, m})
			}
		}
	}
	return kept
}

// fits tells whether an area may serve a mapping, apart from range, protection
// and advice.
func (s *Subject) fits(a tracer.Area, m *image.Mapping, img *image.Image) bool {
	const kind = unix.MAP_GROWSDOWN | unix.MAP_NORESERVE | unix.MAP_HUGETLB
	return mappingOf(a).Flags&kind == m.Flags&kind && s.sameSource(a, m, img)
}

// sameSource tells whether area and mapping are both anonymous, or map the same
// part of the same file in the same way.
func (s *Subject) sameSource(a tracer.Area, m *image.Mapping, img *image.Image) bool {
	if a.Shared() != (m.Flags&unix.MAP_SHARED != 0) {
		return false
	}
	if !isFile(a) || m.File < 0 {
		return !isFile(a) && m.File < 0
	}
	f, want := image.File{Dev: a.Dev, Ino: a.Ino}, img.Files[m.File]
	if s.FileOf != nil {
		var known bool
		if f, known = s.FileOf(a); !known {
			return false
		}
	}
	return f.Dev == want.Dev && f.Ino == want.Ino && a.Offset-uint64(a.Start) == m.Offset-uint64(m.Start)
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
			if _, err := s.call("munmap", unix.SYS_MUNMAP, uint64(gone.start), gone.len()); err != nil {
				return err
			}
		}
	}
	return s.empty(s.kept)
}

// empty drops the private pages of what is kept. Locked memory refuses that.
func (s *Subject) empty(kept pieces) error {
	var private []span
	for _, p := range kept {
		if p.area.HasFlag("lo") {
			if _, err := s.call("munlock", unix.SYS_MUNLOCK, uint64(p.start), p.len()); err != nil {
				return err
			}
		}
		if !p.area.Shared() {
			private = append(private, p.span)
		}
	}
	for _, p := range joined(private) {
		if _, err := s.call("madvise(MADV_DONTNEED)", unix.SYS_MADVISE, uint64(p.start), p.len(), unix.MADV_DONTNEED); err != nil {
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
		if _, err := s.call("mprotect", unix.SYS_MPROTECT, uint64(p.start), p.len(), uint64(p.want.Prot)); err != nil {
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
			_, err := s.call("madvise(MADV_GUARD_REMOVE)", unix.SYS_MADVISE, uint64(g.start), g.len(), guardRemove)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// mapMissing maps, with its final protection, what is not kept. Huge pages are
// advised now, before memory is filled.
func (s *Subject) mapMissing(img *image.Image) error {
	files := openFiles{subject: s, img: img}
	for i := range img.Mappings {
		m := &img.Mappings[i]
		for _, missing := range wantedSpan(m).minus(s.kept.of(m).spans()) {
			if err := s.mapOne(m, missing, &files); err != nil {
				files.close()
				return err
			}
		}
		for bit, advice := range map[uint32]uint64{image.AdviceHugepage: unix.MADV_HUGEPAGE, image.AdviceNoHugepage: unix.MADV_NOHUGEPAGE} {
			if m.Advice&bit != 0 { // refused by kernels without huge pages, where it means nothing
				s.Caller.Call(unix.SYS_MADVISE, uint64(m.Start), wantedSpan(m).len(), advice)
			}
		}
	}
	return files.close()
}

func (s *Subject) mapOne(m *image.Mapping, r span, files *openFiles) error {
	fd, offset := ^uint64(0), uint64(0)
	if m.File >= 0 {
		n, err := files.open(m.File)
		if err != nil {
			return err
		}
		fd, offset = uint64(n), m.Offset+uint64(r.start-m.Start)
	}
	flags := uint64(m.Flags) | unix.MAP_FIXED_NOREPLACE
	at, err := s.call(fmt.Sprintf("mmap of %#x-%#x", r.start, r.end), unix.SYS_MMAP,
		uint64(r.start), r.len(), uint64(m.Prot), flags, fd, offset)
	if err == nil && at != uint64(r.start) {
		err = fmt.Errorf("mmap in pid %d gives %#x instead of %#x", s.Pid, at, r.start)
	}
	return err
}

// openFiles are the descriptors of a subject that are mapped, each opened once.
type openFiles struct {
	subject *Subject
	img     *image.Image
	fds     map[int]int
	closing []int
}

func (o *openFiles) open(file int) (int, error) {
	if fd, open := o.fds[file]; open {
		return fd, nil
	}
	f := o.img.Files[file]
	if o.subject.OpenFile == nil {
		return 0, fmt.Errorf("%s is to be mapped, and no file can be opened", f.Path)
	}
	fd, closeIt, err := o.subject.OpenFile(f)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", f.Path, err)
	}
	if o.fds == nil {
		o.fds = map[int]int{}
	}
	o.fds[file] = fd
	if closeIt {
		o.closing = append(o.closing, fd)
	}
	return fd, nil
}

func (o *openFiles) close() (err error) {
	for _, fd := range o.closing {
		if _, e := o.subject.call("close", unix.SYS_CLOSE, uint64(fd)); e != nil {
			err = e
		}
	}
	return err
}
