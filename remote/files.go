package remote

import (
	"fmt"
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
	file, err := newMemory(f)
	if err == nil {
		s.files[f] = file
	}
	return file, err
}

// newMemory makes memory of the size of a file.
func newMemory(f image.File) (*os.File, error) {
	fd, err := unix.MemfdCreate("mosix-file", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory for %s: %w", f.Path, err)
	}
	file := os.NewFile(uintptr(fd), f.Path)
	if err := file.Truncate(f.Size); err != nil {
		file.Close()
		return nil, fmt.Errorf("memory for %s: %w", f.Path, err)
	}
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

// files are the files that one guest maps: descriptors of the store's memory, so
// that all guests share what they only read. The program never sees them.
type files struct {
	store  *store
	open   map[image.File]int // descriptors in the guest
	byIno  map[uint64]image.File
	lender *lender
}

func newFiles(s *store) *files {
	return &files{store: s, open: map[image.File]int{}, byIno: map[uint64]image.File{}}
}

// fileOf tells which file at home an area of the guest maps.
func (fs *files) fileOf(a tracer.Area) (image.File, bool) {
	f, known := fs.byIno[a.Ino]
	return f, known
}

func (fs *files) close() {
	if fs.lender != nil {
		fs.lender.close()
		fs.lender = nil
	}
}

// openFile returns the guest's descriptor of a file, lent by call if it has none.
// Contents that arrive later show in its mappings.
func (g *guest) openFile(call tracer.Caller, f image.File) (int, error) {
	if fd, open := g.files.open[f]; open {
		return fd, nil
	}
	memory, access := g.files.store.file, unix.O_RDONLY
	if f.Own {
		memory, access = g.openOwn, unix.O_RDWR
	}
	file, err := memory(f)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return -1, fmt.Errorf("memory for %s: %w", f.Path, err)
	}
	fd, err := g.lend(call, file, access)
	if err != nil {
		return -1, err
	}
	g.files.open[f], g.files.byIno[st.Ino] = fd, f
	return fd, nil
}
