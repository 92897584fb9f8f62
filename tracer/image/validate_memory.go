package image

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// validateMappings checks every mapping, their order, and that none lies over
// the kernel's own pages.
func (img *Image) validateMappings() error {
	if len(img.Mappings) > MaxMappings {
		return check(false, "%d mappings", len(img.Mappings))
	}
	var end abi.Addr
	vdso := img.Process.Vdso
	for _, m := range img.Mappings {
		if err := m.validate(len(img.Files)); err != nil {
			return fmt.Errorf("mapping %#x-%#x: %w", m.Start, m.End, err)
		}
		if m.Start < end {
			return check(false, "mapping %#x-%#x begins before the one before it ends", m.Start, m.End)
		}
		if m.Start < vdso.End && vdso.Start < m.End {
			return check(false, "mapping %#x-%#x lies over the vdso", m.Start, m.End)
		}
		end = m.End
	}
	return nil
}

func (m *Mapping) validate(files int) error {
	if !aligned(m.Start) || !aligned(m.End) || m.Start >= m.End || m.End > abi.TaskSize {
		return check(false, "its range")
	}
	if m.Prot&^protBits != 0 || m.Flags&^flagBits != 0 || m.Advice&^adviceBits != 0 {
		return check(false, "unknown bits in protection %#x, flags %#x or advice %#x", m.Prot, m.Flags, m.Advice)
	}
	kind := m.Flags & (unix.MAP_SHARED | unix.MAP_PRIVATE)
	if kind != unix.MAP_SHARED && kind != unix.MAP_PRIVATE {
		return check(false, "it is neither shared nor private")
	}
	if (m.Flags&unix.MAP_ANONYMOUS != 0) != (m.File < 0) || m.File < -1 || m.File >= files {
		return check(false, "file %d of %d with flags %#x", m.File, files, m.Flags)
	}
	if m.Offset%abi.PageSize != 0 || m.Offset > 1<<62 {
		return check(false, "offset %#x", m.Offset)
	}
	return check(validText(m.Name, maxName), "its name")
}

func (img *Image) validateFiles() error {
	if len(img.Files) > MaxFiles {
		return check(false, "%d files", len(img.Files))
	}
	for i, f := range img.Files {
		if f.Size < 0 || f.Path == "" || !validText(f.Path, maxPath) {
			return check(false, "file %d", i)
		}
	}
	return nil
}

// validateGuards wants the runs of guard pages in order, each inside the mappings.
func (img *Image) validateGuards() error {
	if len(img.Guards) > MaxMappings {
		return check(false, "%d runs of guard pages", len(img.Guards))
	}
	var end abi.Addr
	for _, r := range img.Guards {
		if !r.sane() || r.Addr < end || !img.Covers(r) {
			return check(false, "guard pages at %#x", r.Addr)
		}
		end = r.End()
	}
	return nil
}

// Covers tells whether every page of r lies in a mapping of the image.
func (img *Image) Covers(r Run) bool {
	at := r.Addr
	for i := img.search(at); i < len(img.Mappings) && img.Mappings[i].Start <= at; i++ {
		if at = img.Mappings[i].End; at >= r.End() {
			return true
		}
	}
	return false
}

// At returns the mapping that holds address a, or nil.
func (img *Image) At(a abi.Addr) *Mapping {
	i := img.search(a)
	if i == len(img.Mappings) || img.Mappings[i].Start > a {
		return nil
	}
	return &img.Mappings[i]
}

// search returns the index of the first mapping that ends behind a.
func (img *Image) search(a abi.Addr) int {
	low, high := 0, len(img.Mappings)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if img.Mappings[mid].End > a {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

func validText(s string, limit int) bool {
	return len(s) <= limit && !strings.ContainsRune(s, 0)
}
