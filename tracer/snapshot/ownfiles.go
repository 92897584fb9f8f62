package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// A file that is mapped shared (man mmap, MAP_SHARED) moves along while the process has it
// to itself: nobody else maps it or may write to it by a descriptor, and nobody but its
// user may open it to write. The pages that are mapped travel. Its areas stay in the body,
// where the stores that the program makes away arrive before anything else that it does;
// a guest changes neither their place nor their size. Who opens or changes the file at
// home brings the process home (the deputy watches it).

// MaxOwn bounds the mappings of files that a process has to itself, in bytes: away they are
// compared with what home has before each call that goes there.
const MaxOwn = 1 << 20

// OwnFile is a file that a process at home has to itself.
type OwnFile struct {
	File  image.File
	Watch string // a path by which it can be watched (man inotify)

	dev uint64 // as stat tells it: file systems such as btrfs tell another one of areas
}

// identity is what tells the file of an area from others.
type identity struct{ dev, ino uint64 }

func identityOf(a tracer.Area) identity { return identity{a.Dev, a.Ino} }

// OwnFiles are the files that Movable has found the process to have to itself.
func (s *Subject) OwnFiles() []OwnFile {
	var all []OwnFile
	for _, f := range s.own {
		all = append(all, *f)
	}
	return all
}

// localSystems are the file systems on which nobody changes a file but by this kernel
// (linux/magic.h; those of ZFS and bcachefs are their own).
var localSystems = []int64{
	unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.RAMFS_MAGIC,
	unix.OVERLAYFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, 0x2fc12fc1, 0xca451a4e,
}

// ownReason judges a shared mapping of a file, as far as the file itself tells: why the
// process cannot have it to itself. It notes the file if it may. A mapping that can never
// be written to cannot be filled, either.
func (s *Subject) ownReason(a tracer.Area, name string, uid int) string {
	if !a.Writable() && !a.HasFlag("mw") {
		return sharedText(a, name)
	}
	if s.own[identityOf(a)] == nil {
		f := s.ownFile(a, uid)
		if f == nil {
			return sharedText(a, name)
		}
		if s.own == nil {
			s.own = map[identity]*OwnFile{}
		}
		s.own[identityOf(a)] = f
	}
	if s.ownBytes += a.Len(); s.ownBytes > MaxOwn {
		return sharedText(a, name) + " and is too large to be sent"
	}
	return ""
}

// sharedText says of a mapping that it is shared.
func sharedText(a tracer.Area, name string) string {
	switch {
	case a.Writable():
		return fmt.Sprintf("shares writable memory (%s)", name)
	case a.HasFlag("mw"):
		return fmt.Sprintf("shares memory that may be made writable (%s)", name)
	}
	return fmt.Sprintf("shares a file that may be changed (%s)", name)
}

// ownFile describes the file of an area; it is nil if others may write to it, or it cannot
// be watched: nobody is told of writes to a memfd since Linux 6.14 (fs/file_table.c,
// alloc_file_pseudo).
func (s *Subject) ownFile(a tracer.Area, uid int) *OwnFile {
	if strings.HasPrefix(a.Path, "/memfd:") {
		return nil
	}
	path := fmt.Sprintf("/proc/%d/root%s", s.LocalPid, a.Path)
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || st.Ino != a.Ino {
		if path = s.descriptorOf(a.Ino); path == "" || unix.Stat(path, &st) != nil {
			return nil
		}
	}
	var system unix.Statfs_t
	mine := (uid == 0 || int(st.Uid) == uid) && (st.Mode&0o022 == 0 || st.Nlink == 0)
	if st.Mode&unix.S_IFMT != unix.S_IFREG || !mine || unix.Statfs(path, &system) != nil || !slices.Contains(localSystems, int64(system.Type)) {
		return nil
	}
	f := image.File{Path: a.Path, Dev: a.Dev, Ino: a.Ino, Size: st.Size, MtimeNs: st.Mtim.Nano(), Own: true}
	return &OwnFile{File: f, Watch: path, dev: st.Dev}
}

// descriptorOf is a path to the file of that number by a descriptor of the process; it is
// empty if there is none.
func (s *Subject) descriptorOf(ino uint64) string {
	dir := fmt.Sprintf("/proc/%d/fd", s.LocalPid)
	names, err := readNames(dir)
	if err != nil {
		return ""
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil && st.Ino == ino {
			return path
		}
	}
	return ""
}

// ownersReason says who else has a file that the process maps shared; it is empty if the
// process has them all to itself.
func (s *Subject) ownersReason(areas []tracer.Area) (string, error) {
	if len(s.own) == 0 {
		return "", nil
	}
	for _, a := range areas {
		if s.own[identityOf(a)] != nil && !a.Shared() {
			return fmt.Sprintf("maps a file both shared and private (%s)", a.Path), nil
		}
	}
	unwatched := s.unwatched()
	if len(unwatched) == 0 {
		return "", nil
	}
	names, err := readNames("/proc")
	for _, name := range names {
		other, e := strconv.Atoi(name)
		if e != nil || other == int(s.LocalPid) {
			continue
		}
		for _, f := range unwatched {
			if reason := s.usesToo(abi.LocalPid(other), f); reason != "" {
				return reason, nil
			}
		}
	}
	return "", err
}

// unwatched are the files of which it has to be found out who else has them.
func (s *Subject) unwatched() (all []*OwnFile) {
	for id, f := range s.own {
		if s.Watched == nil || !s.Watched(id.dev, id.ino) {
			all = append(all, f)
		}
	}
	return all
}

// usesToo says that another process maps the file, or can write to it, as far as it can be
// known: of what may not be looked at, only a kin is taken for one that can.
func (s *Subject) usesToo(other abi.LocalPid, f *OwnFile) string {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", other))
	switch {
	case errors.Is(err, fs.ErrPermission):
		if mayBeKin(s.LocalPid, other) {
			return fmt.Sprintf("may share %s with process %d, which may not be examined", f.File.Path, other)
		}
		return ""
	case err == nil && bytes.Contains(maps, fmt.Appendf(nil, " %02x:%02x %d ", f.File.Dev>>32, uint32(f.File.Dev), f.File.Ino)):
		return fmt.Sprintf("shares memory with process %d (%s)", other, f.File.Path)
	}
	dir := fmt.Sprintf("/proc/%d/fd", other)
	names, err := readNames(dir)
	if err != nil {
		return ""
	}
	for _, name := range names {
		var st unix.Stat_t
		if unix.Stat(filepath.Join(dir, name), &st) == nil && st.Ino == f.File.Ino && st.Dev == f.dev && opensToWrite(other, name) {
			return fmt.Sprintf("shares a file that process %d may change (%s)", other, f.File.Path)
		}
	}
	return ""
}

// opensToWrite tells whether a descriptor may be written to (man proc_pid_fdinfo). One that
// is not told of may.
func opensToWrite(pid abi.LocalPid, fd string) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, fd))
	if err != nil {
		return true
	}
	_, rest, _ := bytes.Cut(text, []byte("flags:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	flags, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 8, 64)
	return err != nil || flags&unix.O_ACCMODE != unix.O_RDONLY
}

// isOwn tells whether a mapping is of a file that the process has to itself.
func isOwn(img *image.Image, m *image.Mapping) bool {
	return m.File >= 0 && m.Flags&unix.MAP_SHARED != 0 && img.Files[m.File].Own
}

// withoutOwn leaves out the pages of a batch that lie in files which the process has to
// itself: at home they are in the file, with what others may have changed since.
func (s *Subject) withoutOwn(pages []byte, runs []image.Run) ([]byte, []image.Run) {
	var keptPages []byte
	var kept []image.Run
	for _, r := range runs {
		for at := r.Addr; at < r.End(); at += abi.PageSize {
			page := pages[:abi.PageSize]
			pages = pages[abi.PageSize:]
			if !isOwn(s.wanted, s.wanted.At(at)) {
				keptPages = append(keptPages, page...)
				kept = grown(kept, at)
			}
		}
	}
	return keptPages, kept
}

// hasOwn tells whether the image has a file that the process has to itself.
func hasOwn(img *image.Image) bool {
	for _, f := range img.Files {
		if f.Own {
			return true
		}
	}
	return false
}
