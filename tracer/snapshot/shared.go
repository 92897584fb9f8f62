package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// Shared anonymous memory (man mmap, MAP_SHARED with MAP_ANONYMOUS) is a file without a
// name that children inherit. It moves along while one process alone has it. Its areas
// stay in the body, which therefore makes no other object of it: a guest changes neither
// its place nor its size, nor makes children that would have it.

// sharesAnonymous tells whether the area maps shared anonymous memory (mm/shmem.c,
// shmem_zero_setup).
func sharesAnonymous(a tracer.Area) bool { return a.Shared() && a.Path == "/dev/zero (deleted)" }

// isSharedAnonymous is sharesAnonymous of a mapping.
func isSharedAnonymous(m *image.Mapping) bool { return m.File < 0 && m.Flags&unix.MAP_SHARED != 0 }

// anonymousReason says who else has the shared anonymous memory of a process at home; it
// is empty if nobody has.
func (s *Subject) anonymousReason(areas []tracer.Area) (string, error) {
	var own []tracer.Area
	for _, a := range areas {
		if !sharesAnonymous(a) || s.ours(a) {
			continue
		}
		for _, b := range own {
			if a.Ino == b.Ino && a.Offset < b.Offset+b.Len() && b.Offset < a.Offset+a.Len() {
				return fmt.Sprintf("has shared memory in two places (at %#x and %#x)", b.Start, a.Start), nil
			}
		}
		own = append(own, a)
	}
	if len(own) == 0 || s.away() {
		return "", nil
	}
	names, err := readNames("/proc")
	for _, name := range names {
		other, e := strconv.Atoi(name)
		if e != nil || other == int(s.LocalPid) {
			continue
		}
		if reason := s.sharesWith(abi.LocalPid(other), own); reason != "" {
			return reason, nil
		}
	}
	return "", err
}

// sharesWith says that another process maps one of the areas, too, as far as it can be
// known: of what may not be looked at, only a kin is taken for one that has the memory.
func (s *Subject) sharesWith(other abi.LocalPid, own []tracer.Area) string {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", other))
	switch {
	case errors.Is(err, fs.ErrPermission):
		if mayBeKin(s.LocalPid, other) {
			return fmt.Sprintf("may share memory with process %d, which may not be examined", other)
		}
	case err == nil:
		for _, a := range own {
			if bytes.Contains(maps, fmt.Appendf(nil, " %02x:%02x %d ", a.Dev>>32, uint32(a.Dev), a.Ino)) {
				return fmt.Sprintf("shares writable memory with process %d", other)
			}
		}
	}
	return ""
}

// mayBeKin tells whether another process, which may not be looked at, is in the session of
// a process. Sessions that began outside of this PID namespace are all called 0 (man
// pid_namespaces): of theirs, only what is no older may descend from the process.
func mayBeKin(pid, other abi.LocalPid) bool {
	mine, _ := unix.Getsid(int(pid))
	theirs, _ := unix.Getsid(int(other))
	if mine != theirs || mine != 0 {
		return mine == theirs
	}
	began, err := readStart(pid)
	otherBegan, e := readStart(other)
	return err != nil || e != nil || otherBegan >= began
}

// takeResident notes which pages of shared anonymous memory there are: what the program
// has not touched by this mapping is not in its page table. To read the others would make
// them.
func (s *Subject) takeResident(img *image.Image) error {
	s.resident = map[abi.Addr][]span{}
	for i := range img.Mappings {
		m := &img.Mappings[i]
		if !isSharedAnonymous(m) {
			continue
		}
		spans, err := s.residentIn(wantedSpan(m))
		if err != nil {
			return err
		}
		s.resident[m.Start] = spans
	}
	return nil
}

// residentIn asks for the pages of a range (man mincore). Pages that are swapped out are
// not told of: then all are taken.
func (s *Subject) residentIn(r span) (spans []span, err error) {
	swapped, err := s.swapped(r)
	if err != nil || swapped {
		return []span{r}, err
	}
	const pages = 4 << 10
	for at := r.start; at < r.end; at += pages * abi.PageSize {
		part := span{at, min(at+pages*abi.PageSize, r.end)}
		n := int(part.len() / abi.PageSize)
		there, err := s.ask(s.Caller, "mincore", unix.SYS_MINCORE, n, func(to uint64) []uint64 { return []uint64{uint64(part.start), part.len(), to} })
		if err != nil {
			return nil, err
		}
		for i, b := range there {
			if b&1 != 0 {
				page := part.start + abi.Addr(i)*abi.PageSize
				spans = append(spans, span{page, page + abi.PageSize})
			}
		}
	}
	return joined(spans), nil
}

// swapped tells whether memory in a range may be in swap (man proc_pid_smaps).
func (s *Subject) swapped(r span) (bool, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", s.LocalPid))
	if err != nil {
		return false, err
	}
	_, text, _ = bytes.Cut(text, fmt.Appendf(nil, "\n%08x-%08x ", r.start, r.end))
	_, text, found := bytes.Cut(text, []byte("\nSwap:"))
	line, _, _ := strings.Cut(string(text[:min(len(text), 64)]), "\n")
	return !found || strings.TrimSpace(line) != "0 kB", nil
}

// removeShared drops the pages of shared anonymous memory.
func (s *Subject) removeShared(r span) error {
	return s.later("madvise(MADV_REMOVE)", unix.SYS_MADVISE, uint64(r.start), r.len(), unix.MADV_REMOVE)
}
