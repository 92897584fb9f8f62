package remote

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/wire"
	"umosix/wire/link"
)

// store holds the contents of home's mapped files as far as they were sent, in
// memory, for all guests of the job.
type store struct {
	files map[image.File]*os.File
	named map[int]image.File // by their number on the link
}

func newStore() *store {
	return &store{files: map[image.File]*os.File{}, named: map[int]image.File{}}
}

// name takes the number of a file.
func (s *store) name(f *link.Frame) error {
	var m wire.File
	if err := f.Decode(&m); err != nil {
		return err
	}
	if m.File.Size < 0 || m.File.Size > maxFile || len(s.named) >= maxFiles {
		return fmt.Errorf("file of %d bytes, number %d", m.File.Size, m.Index)
	}
	s.named[m.Index] = m.File
	return nil
}

// Bounds on what home may have mapped.
const (
	maxFile  = 1 << 40
	maxFiles = 1 << 16
)

// take takes a batch of a file's contents.
func (s *store) take(f *link.Frame) error {
	var b image.Batch
	if err := f.Decode(&b); err != nil {
		return err
	}
	b.Data = f.Payload
	file, known := s.named[b.File]
	if !known {
		return fmt.Errorf("contents of file %d, which has no name", b.File)
	}
	return s.write(file, &b)
}

// file is the memory that holds a file's contents.
func (s *store) file(f image.File) (*os.File, error) {
	if have := s.files[f]; have != nil {
		return have, nil
	}
	fd, err := unix.MemfdCreate("mosix-file", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory for %s: %w", f.Path, err)
	}
	file := os.NewFile(uintptr(fd), f.Path)
	if err := file.Truncate(f.Size); err != nil {
		file.Close()
		return nil, fmt.Errorf("memory for %s: %w", f.Path, err)
	}
	s.files[f] = file
	return file, nil
}

// write takes a batch of a file's contents. What lies behind the file's end is
// dropped: a page behind it must fault as it does at home.
func (s *store) write(f image.File, b *image.Batch) error {
	file, err := s.file(f)
	if err != nil {
		return err
	}
	pages, err := b.Pages(nil)
	if err != nil {
		return err
	}
	for _, run := range b.Runs {
		n := min(int(run.Pages)*abi.PageSize, len(pages))
		piece := pages[:n]
		pages = pages[n:]
		if left := f.Size - int64(run.Addr); left < int64(n) {
			piece = piece[:max(left, 0)]
		}
		if _, err := file.WriteAt(piece, int64(run.Addr)); err != nil {
			return err
		}
	}
	return nil
}

// files are the files that one guest maps, each a memory file among its own
// descriptors, which the program never sees: its calls on descriptors go home.
type files struct {
	store *store
	open  map[image.File]*mapped
	byIno map[uint64]image.File
}

type mapped struct {
	fd     int      // in the guest
	handle *os.File // ours
	filled bool
}

func newFiles(s *store) *files {
	return &files{store: s, open: map[image.File]*mapped{}, byIno: map[uint64]image.File{}}
}

// fileOf tells which file at home an area of the guest maps.
func (fs *files) fileOf(a tracer.Area) (image.File, bool) {
	f, known := fs.byIno[a.Ino]
	return f, known
}

func (fs *files) close() {
	for _, m := range fs.open {
		m.handle.Close()
	}
	fs.open = nil
}

// openFile returns the guest's descriptor of a file, made by call if it has none.
func (g *guest) openFile(call tracer.Caller, f image.File) (int, error) {
	if m := g.files.open[f]; m != nil {
		return m.fd, nil
	}
	buffers, at := g.loop.Buffers()
	copy(buffers[nameOffset:], "mosix-file\x00")
	fd, err := call.Call(unix.SYS_MEMFD_CREATE, uint64(at)+nameOffset, unix.MFD_CLOEXEC)
	if err != nil || fd < 0 {
		return -1, fmt.Errorf("memory for %s in guest %d: %d, %w", f.Path, g.pid, fd, err)
	}
	handle, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/%d", g.task.Tid, fd), os.O_RDWR, 0)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(handle.Fd()), &st); err != nil {
		return -1, err
	}
	if err := handle.Truncate(f.Size); err != nil {
		return -1, err
	}
	g.files.open[f] = &mapped{fd: int(fd), handle: handle}
	g.files.byIno[st.Ino] = f
	return int(fd), nil
}

// fillAll copies the contents of the files that the guest maps from the store.
func (fs *files) fillAll() error {
	for f, m := range fs.open {
		if m.filled {
			continue
		}
		if err := fs.fill(f, m); err != nil {
			return fmt.Errorf("contents of %s: %w", f.Path, err)
		}
		m.filled = true
	}
	return nil
}

// fill copies what the store has of one file.
func (fs *files) fill(f image.File, m *mapped) error {
	from, err := fs.store.file(f)
	if err != nil {
		return err
	}
	for at := int64(0); at < f.Size; {
		data, err := unix.Seek(int(from.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return nil
		}
		if err != nil {
			return err
		}
		hole, err := unix.Seek(int(from.Fd()), data, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(m.handle, data), io.NewSectionReader(from, data, hole-data)); err != nil {
			return err
		}
		at = hole
	}
	return nil
}
