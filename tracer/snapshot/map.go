package snapshot

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer/image"
)

// mapMissing maps, with its final protection, what is not kept. Huge pages are
// advised now, before memory is filled.
func (s *Subject) mapMissing(img *image.Image) error {
	files := openFiles{subject: s, img: img}
	for i := range img.Mappings {
		m := &img.Mappings[i]
		for _, missing := range wantedSpan(m).minus(s.kept.of(m).spans()) {
			if err := s.mapOne(m, missing, &files); err != nil {
				return errors.Join(err, files.close())
			}
		}
		for bit, advice := range map[uint32]uint64{image.AdviceHugepage: unix.MADV_HUGEPAGE, image.AdviceNoHugepage: unix.MADV_NOHUGEPAGE} {
			if m.Advice&bit == 0 {
				continue
			}
			// Refused by kernels without huge pages, where it means nothing.
			if err := s.try(unix.SYS_MADVISE, uint64(m.Start), wantedSpan(m).len(), advice); err != nil {
				return errors.Join(err, files.close())
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
	return s.enqueue(s.Caller, func(ret int64) error {
		err := s.failure(fmt.Sprintf("mmap of %#x-%#x", r.start, r.end), ret)
		if err == nil && ret != int64(r.start) {
			err = fmt.Errorf("mmap in pid %d gives %#x instead of %#x", s.Pid, ret, r.start)
		}
		return err
	}, unix.SYS_MMAP, uint64(r.start), r.len(), uint64(m.Prot), flags, fd, offset)
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

// close makes the calls that wait, too.
func (o *openFiles) close() (err error) {
	for _, fd := range o.closing {
		err = errors.Join(err, o.subject.later("close", unix.SYS_CLOSE, uint64(fd)))
	}
	return errors.Join(err, o.subject.flush())
}
