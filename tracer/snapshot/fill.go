package snapshot

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// Fill writes a batch of pages, after Prepare and before Finish. It checks the
// batch completely first. It may run on any thread, one call at a time, while the
// tracer's thread does other things; what takes a system call in the process is
// kept for Finish.
func Fill(s *Subject, b *image.Batch) error {
	if err := s.fill(b); err != nil {
		return fmt.Errorf("fill pid %d: %w", s.Pid, err)
	}
	return nil
}

func (s *Subject) fill(b *image.Batch) error {
	if s.buf == nil {
		s.buf = make([]byte, image.BatchBytes)
	}
	pages, err := b.Pages(s.buf)
	if err != nil {
		return err
	}
	if b.File >= 0 {
		return fmt.Errorf("the batch is of file %d, not of memory", b.File)
	}
	for _, r := range b.Runs {
		if s.wanted == nil || !s.wanted.Covers(r) {
			return fmt.Errorf("%d pages at %#x are outside of the image's mappings", r.Pages, r.Addr)
		}
	}
	s.tally.Add(b)
	runs := b.Runs
	if !s.away() && hasOwn(s.wanted) {
		pages, runs = s.withoutOwn(pages, runs)
	}
	for len(runs) > 0 {
		n, size, writable := s.alike(runs)
		if !writable || !s.writeRuns(pages[:size], runs[:n]) {
			if err := s.forceRuns(pages[:size], runs[:n]); err != nil {
				return err
			}
		}
		runs, pages = runs[n:], pages[size:]
	}
	return nil
}

// alike tells how many of the first runs the program can write, or cannot write,
// like the first one, and their size.
func (s *Subject) alike(runs []image.Run) (n, size int, writable bool) {
	writable = s.writable(runs[0])
	for n < len(runs) && s.writable(runs[n]) == writable {
		size += runs[n].Len()
		n++
	}
	return n, size, writable
}

// writable tells whether the program itself could write all of r.
func (s *Subject) writable(r image.Run) bool {
	for at := r.Addr; at < r.End(); {
		m := s.wanted.At(at)
		if m.Prot&unix.PROT_WRITE == 0 {
			return false
		}
		at = m.End
	}
	return true
}

// writeRuns writes runs in one call. What it has written before a failure is
// written again.
func (s *Subject) writeRuns(pages []byte, runs []image.Run) bool {
	remote := make([]unix.RemoteIovec, len(runs))
	for i, r := range runs {
		remote[i] = unix.RemoteIovec{Base: uintptr(r.Addr), Len: r.Len()}
	}
	local := []unix.Iovec{{Base: &pages[0], Len: uint64(len(pages))}}
	n, err := unix.ProcessVMWritev(int(s.LocalPid), local, remote, 0)
	return err == nil && n == len(pages)
}

// late is a run of pages that could not be written from outside.
type late struct {
	run   image.Run
	pages []byte
}

// forceRuns writes also where the program may not. Where the kernel forbids that
// (proc_mem.force_override), the pages wait for writeLate.
func (s *Subject) forceRuns(pages []byte, runs []image.Run) error {
	for _, r := range runs {
		part := pages[:r.Len()]
		pages = pages[r.Len():]
		_, err := s.Mem.ForceWrite(part, r.Addr)
		switch {
		case err == nil:
		case errors.Is(err, unix.ESRCH):
			return err
		default:
			s.late = append(s.late, late{r, bytes.Clone(part)})
		}
	}
	return nil
}

// writeLate writes the pages that are left over, by way of mappings that are made
// writable until Finish.
func (s *Subject) writeLate() error {
	for _, l := range s.late {
		if err := s.loosen(l.run); err != nil {
			return err
		}
		if _, err := s.Mem.WriteAt(l.pages, l.run.Addr); err != nil {
			if err := s.writeUpToEnd(l); err != nil {
				return err
			}
		}
	}
	s.late = nil
	return nil
}

// writeUpToEnd writes pages one by one, without those of a file that has been cut before
// them: the kernel would have thrown them away then, and what reads them gets SIGBUS
// (mm/memory.c, unmap_mapping_range).
func (s *Subject) writeUpToEnd(l late) error {
	for i := 0; i < len(l.pages); i += abi.PageSize {
		at := l.run.Addr + abi.Addr(i)
		_, err := s.Mem.WriteAt(l.pages[i:i+abi.PageSize], at)
		if err != nil && (!errors.Is(err, unix.EFAULT) || !s.behindEnd(at)) {
			return err
		}
	}
	return nil
}

// behindEnd tells whether the page at an address is one of a file that does not reach so
// far. Of a file without a name it is taken for granted: nothing else fails so.
func (s *Subject) behindEnd(at abi.Addr) bool {
	m := s.wanted.At(at)
	if m.File < 0 {
		return false
	}
	var st unix.Stat_t
	file := s.wanted.Files[m.File]
	if unix.Stat(fmt.Sprintf("/proc/%d/root%s", s.LocalPid, file.Path), &st) != nil || st.Ino != file.Ino || s.away() {
		return true
	}
	return m.Offset+uint64(at-m.Start) >= uint64(st.Size)
}

// loosen makes the mappings under r writable; Finish takes it back.
func (s *Subject) loosen(r image.Run) error {
	for at := r.Addr; at < r.End(); {
		m := s.wanted.At(at)
		if err := s.protect(m, unix.PROT_READ|unix.PROT_WRITE); err != nil {
			return err
		}
		s.loose[m] = true
		at = m.End
	}
	return nil
}

func (s *Subject) protect(m *image.Mapping, prot uint32) error {
	_, err := s.call("mprotect", unix.SYS_MPROTECT, uint64(m.Start), uint64(m.End-m.Start), uint64(prot))
	return err
}
