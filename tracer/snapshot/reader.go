package snapshot

import (
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// readAll fills chunks with the pages of all mappings.
func (s *Subject) readAll(img *image.Image, p *pipeline) error {
	pages, err := openPagemap(s.LocalPid)
	if err != nil {
		return err
	}
	defer pages.close()
	r := &reader{subject: s, pipeline: p}
	for i := range img.Mappings {
		m := &img.Mappings[i]
		r.sparse = m.File < 0 || isOwn(img, m)
		switch {
		case isSharedAnonymous(m):
			err = r.addSpans(s.resident[m.Start])
		case isOwn(img, m):
			err = r.addWhole(wantedSpan(m))
		case m.Flags&unix.MAP_SHARED != 0:
		case s.whole[m.Start]:
			err = r.addWhole(wantedSpan(m))
		default:
			err = pages.each(wantedSpan(m), writtenPages(m), r.add)
		}
		if err != nil {
			return err
		}
	}
	return r.flush()
}

// writtenPages selects the pages of a mapping that the program has written.
func writtenPages(m *image.Mapping) pageFilter {
	f := pageFilter{invert: pageFile, must: pageFile, anyOf: pagePresent | pageSwapped}
	if m.File < 0 {
		f.invert |= pageZero
		f.must |= pageZero
	}
	if guards() {
		f.invert |= pageGuard
		f.must |= pageGuard
	}
	return f
}

// reader gathers runs of pages into chunks.
type reader struct {
	subject  *Subject
	pipeline *pipeline
	sparse   bool // zeros of the present mapping may be left out
	at       *chunk
}

// addWhole takes every page of a mapping up to the end of its file, behind which
// nothing can be read.
func (r *reader) addWhole(g span) error {
	const piece = 64 << 10
	buf := make([]byte, piece)
	end := g.start
	for end < g.end {
		n, err := r.subject.Mem.ForceRead(buf[:min(piece, span{end, g.end}.len())], end)
		end += abi.Addr(n).PageDown()
		if err != nil || n < abi.PageSize {
			break
		}
	}
	return r.add(span{g.start, end})
}

// addSpans takes several ranges of pages.
func (r *reader) addSpans(spans []span) error {
	for _, g := range spans {
		if err := r.add(g); err != nil {
			return err
		}
	}
	return nil
}

// add takes a range of pages into the present chunk, and into further ones.
func (r *reader) add(g span) error {
	for !g.empty() {
		if r.at == nil {
			select {
			case r.at = <-r.pipeline.free:
			case <-r.pipeline.stop:
				return nil
			}
			r.at.runs, r.at.sparse, r.at.pages = r.at.runs[:0], r.at.sparse[:0], 0
		}
		n := min(chunkPages-r.at.pages, int(g.len()/abi.PageSize))
		r.at.runs = append(r.at.runs, image.Run{Addr: g.start, Pages: uint32(n)})
		r.at.sparse = append(r.at.sparse, r.sparse)
		r.at.pages += n
		g.start += abi.Addr(n) * abi.PageSize
		if r.at.pages == chunkPages {
			if err := r.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush reads the pages of the present chunk and passes it on.
func (r *reader) flush() error {
	k := r.at
	if k == nil {
		return nil
	}
	r.at = nil
	if err := r.subject.readRuns(k.room(), k.runs); err != nil {
		return err
	}
	r.pipeline.full <- k // has room for all chunks
	return nil
}

// readRuns reads runs one after another into p. One call of process_vm_readv
// reads them all, unless the program may not read some of them itself.
func (s *Subject) readRuns(p []byte, runs []image.Run) error {
	remote := make([]unix.RemoteIovec, len(runs))
	for i, r := range runs {
		remote[i] = unix.RemoteIovec{Base: uintptr(r.Addr), Len: r.Len()}
	}
	local := []unix.Iovec{{Base: &p[0], Len: uint64(len(p))}}
	if n, err := unix.ProcessVMReadv(int(s.LocalPid), local, remote, 0); err == nil && n == len(p) {
		return nil
	}
	for _, r := range runs {
		piece := p[:r.Len()]
		p = p[r.Len():]
		if _, err := s.Mem.ReadAt(piece, r.Addr); err == nil {
			continue
		}
		if n, err := s.Mem.ForceRead(piece, r.Addr); err != nil {
			return fmt.Errorf("page %#x cannot be read: %w", r.Addr+abi.Addr(n).PageDown(), err)
		}
	}
	return nil
}
