package deputy

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/link"
)

// shipped remembers which parts of which files an executor has already.
type shipped struct {
	mu    sync.Mutex // guards files
	files map[image.File]*parts
}

// parts are those of one file.
type parts struct {
	index  int // the file's number on the link
	chunks map[uint64]bool
}

// chunkPages is the unit in which files are sent, in pages.
const chunkPages = image.BatchPages

func newShipped() *shipped { return &shipped{files: map[image.File]*parts{}} }

// take returns the chunks of [from, to) that the executor lacks and marks them as
// sent. named tells whether the executor knows the file already.
func (s *shipped) take(f image.File, from, to uint64) (index int, chunks []uint64, named bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, named := s.files[f]
	if !named {
		have = &parts{index: len(s.files), chunks: map[uint64]bool{}}
		s.files[f] = have
	}
	have.each(f, from, to, func(n uint64) {
		have.chunks[n] = true
		chunks = append(chunks, n)
	})
	return have.index, chunks, named
}

// lacks tells whether the executor lacks anything of [from, to), or the name.
func (s *shipped) lacks(f image.File, from, to uint64) (some bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, named := s.files[f]
	if !named {
		return true
	}
	have.each(f, from, to, func(uint64) { some = true })
	return some
}

// each visits the chunks of [from, to) that are not there.
func (p *parts) each(f image.File, from, to uint64, visit func(n uint64)) {
	const size = chunkPages * abi.PageSize
	for n, end := from/size, min(to, uint64(f.Size)); n*size < end; n++ {
		if !p.chunks[n] {
			visit(n)
		}
	}
}

// sendAhead sends the contents of the files that the process maps while it runs.
// What it maps afterwards is sent when it stands still. A file that cannot be sent
// is told of then, too. Files that the process has to itself are not opened. Only the
// link's end is an error.
func (b *body) sendAhead(p *peer) error {
	areas, err := tracer.ReadAreasQuick(abi.LocalPid(b.pid))
	if err != nil {
		return nil
	}
	for _, a := range areas {
		if a.Ino == 0 || b.own.Load().has(a.Dev, a.Ino) {
			continue
		}
		file, known := snapshot.HomeFile(abi.LocalPid(b.pid), a)
		if !known {
			continue
		}
		if err := b.sendFile(p, file, a.Offset, a.Offset+a.Len()); err != nil {
			if err := p.link.Err(); err != nil {
				return err
			}
			b.d.log.Debug().Int("pid", int(b.pid)).Str("file", file.Path).Err(err).Msg("not sent ahead")
		}
	}
	return nil
}

// sendFiles sends the contents of mapped files that the executor lacks.
func (b *body) sendFiles(p *peer, img *image.Image) error {
	for _, m := range img.Mappings {
		if m.File < 0 || img.Files[m.File].Own {
			continue
		}
		if err := b.sendFile(p, img.Files[m.File], m.Offset, m.Offset+uint64(m.End-m.Start)); err != nil {
			return err
		}
	}
	return nil
}

// sendFile sends [from, to) of a file as far as the executor lacks it. What it has
// stays there as long as the link, whatever becomes of a process.
func (b *body) sendFile(p *peer, f image.File, from, to uint64) error {
	p.filing.Lock() // what is marked as sent is sent before anybody relies on it
	defer p.filing.Unlock()
	if !p.files.lacks(f, from, to) {
		return nil
	}
	file, err := b.openFile(f)
	if err != nil {
		return err
	}
	defer file.Close()
	index, chunks, named := p.files.take(f, from, to)
	if !named {
		if err := p.link.Send(wire.Header{Type: wire.TypeFile}, &wire.File{Index: index, File: f}); err != nil {
			return err
		}
	}
	return p.sendChunks(index, file, chunks)
}

func (p *peer) sendChunks(index int, file *os.File, chunks []uint64) error {
	if len(chunks) == 0 {
		return nil
	}
	c := image.NewCompressor(p.speed.Load())
	pages := make([]byte, chunkPages*abi.PageSize)
	packed := make([]byte, 0, c.Room(len(pages)))
	for _, n := range chunks {
		if err := p.sendChunk(index, file, n, c, pages, packed); err != nil {
			p.link.Close() // the executor lacks what it is believed to have
			return err
		}
	}
	p.speed.Store(c.Link())
	return nil
}

// sendChunk sends chunk n by way of pages and packed, room for it as it is and
// compressed.
func (p *peer) sendChunk(index int, file *os.File, n uint64, c *image.Compressor, pages, packed []byte) error {
	off := n * chunkPages * abi.PageSize
	got, err := file.ReadAt(pages, int64(off))
	if err != nil && err != io.EOF {
		return err
	}
	count := (got + abi.PageSize - 1) / abi.PageSize
	clear(pages[got:])
	if count == 0 {
		return nil
	}
	batch := image.NewBatchIn(packed, index, []image.Run{{Addr: abi.Addr(off), Pages: uint32(count)}}, pages[:count*abi.PageSize], c)
	begin := time.Now()
	defer func() { c.Sent(len(batch.Data), time.Since(begin)) }()
	return p.link.Send(wire.Header{Type: wire.TypeBatch}, &batch, batch.Data)
}

// openFile opens a mapped file as this program, in the process's view of the
// tree, and checks that it is the same file still.
func (b *body) openFile(f image.File) (*os.File, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/root%s", b.pid, f.Path))
	if err != nil {
		return nil, &pinnedError{fmt.Sprintf("its file %s cannot be read: %v", f.Path, err)}
	}
	same, err := snapshot.SameFile(f, fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	if err != nil || !same {
		file.Close()
		return nil, &pinnedError{fmt.Sprintf("its file %s has been replaced", f.Path)}
	}
	return file, nil
}

// opener opens files in the body when a mapping of it must be made again.
type opener struct {
	b    *body
	call tracer.Caller
	at   abi.Addr // room for a path
}

func (o *opener) open(f image.File) (fd int, closeIt bool, err error) {
	if _, err := o.b.mem.WriteAt(append([]byte(f.Path), 0), o.at); err != nil {
		return -1, false, err
	}
	atCwd := unix.AT_FDCWD
	ret, err := o.call.Call(unix.SYS_OPENAT, uint64(atCwd), uint64(o.at), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, false, err
	}
	if ret < 0 {
		return -1, false, fmt.Errorf("open %s in process %d: %w", f.Path, o.b.pid, unix.Errno(-ret))
	}
	same, err := snapshot.SameFile(f, fmt.Sprintf("/proc/%d/fd/%d", o.b.pid, ret))
	if err != nil || !same {
		o.call.Call(unix.SYS_CLOSE, uint64(ret))
		return -1, false, fmt.Errorf("%s has been replaced since it was mapped: %w", f.Path, err)
	}
	return int(ret), true, nil
}

// serveMapFile maps a file into the body, at any place, and tells what it is. The
// executor decides on the final address and has the mapping moved there (mremap).
func (t *task) serveMapFile(p *peer, f *link.Frame) error {
	var m wire.MapFile
	if err := f.Decode(&m); err != nil {
		return err
	}
	b := t.b
	<-b.readiness()
	b.using.RLock()
	defer b.using.RUnlock()
	t.awaitTold()
	flags := uint64(m.Flags) &^ (unix.MAP_FIXED | unix.MAP_FIXED_NOREPLACE | unix.MAP_POPULATE | unix.MAP_LOCKED)
	t.slot.Masks(b.openMask, b.openMask)
	ret, err := t.slot.Call(unix.SYS_MMAP, 0, m.Length, uint64(m.Prot), flags, uint64(int64(m.Fd)), m.Offset)
	if err != nil {
		return nil // the process has ended
	}
	answer := wire.Mapped{}
	if abi.Failed(ret) {
		answer.Errno = int32(-ret)
	} else if err := b.describe(p, &m, abi.Addr(ret), &answer); err != nil {
		b.d.log.Debug().Int("pid", int(b.pid)).Err(err).Msg("file not mapped away")
		t.slot.Call(unix.SYS_MUNMAP, uint64(ret), m.Length)
		answer = wire.Mapped{Errno: -1}
	}
	h := b.header(wire.TypeMapped)
	h.Tid, h.Ack = t.tid, f.Seq
	return p.link.Send(h, &answer)
}

// describe finds out which file the body has just mapped and sends its contents.
func (b *body) describe(p *peer, m *wire.MapFile, at abi.Addr, answer *wire.Mapped) error {
	areas, err := tracer.ReadAreasQuick(abi.LocalPid(b.pid))
	if err != nil {
		return err
	}
	for _, a := range areas {
		if a.Start > at || a.End <= at {
			continue
		}
		if b.own.Load().has(a.Dev, a.Ino) {
			return fmt.Errorf("%s is mapped shared, too", a.Path)
		}
		file, known := snapshot.HomeFile(abi.LocalPid(b.pid), a)
		if !known {
			return fmt.Errorf("%s is no file that can be read again", a.Path)
		}
		if m.Flags&unix.MAP_TYPE == unix.MAP_SHARED {
			if reason, err := snapshot.SharedReason(abi.LocalPid(b.pid), at); reason != "" || err != nil {
				return fmt.Errorf("%s cannot be shared away: %s, %w", a.Path, reason, err)
			}
		}
		if m.Flags&unix.MAP_TYPE == unix.MAP_PRIVATE {
			if err := b.watchFile(a); err != nil {
				return err
			}
		}
		answer.At, answer.File = at, file
		return b.sendFile(p, file, m.Offset, m.Offset+m.Length)
	}
	return fmt.Errorf("mapping at %#x of process %d is not to be found", uint64(at), b.pid)
}
