package snapshot

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// piece is a part of an area that stays for a wanted mapping.
type piece struct {
	span
	area tracer.Area
	want *image.Mapping
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
			if s.fits(a, m, img) && (!mustBeWhole(m) || a.Start <= m.Start && a.End >= m.End) {
				kept = append(kept, piece{spanOf(a).cut(wantedSpan(m)), a, m})
			}
		}
	}
	return kept
}

// mustBeWhole tells whether a mapping may not consist of an area that stays and another
// one beside it: the kernel would join them only as long as they have no pages, and a
// program that changes the size of the whole by mremap would find two.
func mustBeWhole(m *image.Mapping) bool {
	return m.File < 0 && m.Flags&(unix.MAP_PRIVATE|unix.MAP_GROWSDOWN) == unix.MAP_PRIVATE
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
