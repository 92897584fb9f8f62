package snapshot

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// adviceFlags are the letters of VmFlags (man proc_pid_smaps) and what they mean.
var adviceFlags = map[string]uint32{
	"dc": image.AdviceDontFork, "dd": image.AdviceDontDump, "wf": image.AdviceWipeOnFork,
	"hg": image.AdviceHugepage, "nh": image.AdviceNoHugepage, "mg": image.AdviceMergeable,
	"sr": image.AdviceSequential, "rr": image.AdviceRandom, "lo": image.AdviceLocked, "lf": image.AdviceLockOnFault,
}

func adviceOf(a tracer.Area) (bits uint32) {
	for _, f := range a.Flags {
		bits |= adviceFlags[f]
	}
	return bits
}

func protOf(a tracer.Area) (prot uint32) {
	if a.Readable() {
		prot |= unix.PROT_READ
	}
	if a.Writable() {
		prot |= unix.PROT_WRITE
	}
	if a.Executable() {
		prot |= unix.PROT_EXEC
	}
	return prot
}

// isKernels tells whether the kernel puts the area into every process.
func isKernels(a tracer.Area) bool {
	switch a.Path {
	case "[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]":
		return true
	}
	return a.Start >= abi.TaskSize
}

// isFile tells whether the area maps a file (or a device, or shared memory with a name).
func isFile(a tracer.Area) bool { return a.Ino != 0 && !sharesAnonymous(a) }

// ours tells whether the area is not the program's: our window, or what stands
// for its vdso.
func (s *Subject) ours(a tracer.Area) bool {
	if spanOf(a).overlaps(s.window()) {
		return true
	}
	return s.Origin != nil && spanOf(a).overlaps(span{s.Origin.Vdso.Start, s.Origin.Vdso.End})
}

// mappings turns areas into the mappings and files of an image.
func (s *Subject) mappings(areas []tracer.Area) ([]image.Mapping, []image.File, error) {
	index := map[identity]int{}
	var files []image.File
	var out []image.Mapping
	s.whole = map[abi.Addr]bool{}
	for _, a := range areas {
		if isKernels(a) || s.ours(a) {
			continue
		}
		m := mappingOf(a)
		if isFile(a) {
			f, known, err := s.fileOf(a)
			if err != nil {
				return nil, nil, err
			}
			if known {
				id := identity{f.Dev, f.Ino}
				if _, seen := index[id]; !seen {
					index[id] = len(files)
					files = append(files, f)
				}
				m.File, m.Offset, m.Name = index[id], a.Offset, ""
				m.Flags &^= unix.MAP_ANONYMOUS
			} else {
				s.whole[m.Start] = true
			}
		}
		if m.Flags&unix.MAP_SHARED != 0 && isFile(a) && (m.File < 0 || m.Prot&unix.PROT_WRITE != 0 && !files[m.File].Own) {
			return nil, nil, fmt.Errorf("pid %d shares memory at %#x (%s)", s.Pid, a.Start, a.Path)
		}
		out = append(out, m)
	}
	return out, files, nil
}

// mappingOf is the mapping for an area as if it were anonymous.
func mappingOf(a tracer.Area) image.Mapping {
	m := image.Mapping{Start: a.Start, End: a.End, Prot: protOf(a), File: -1,
		Flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, Advice: adviceOf(a)}
	if a.Shared() {
		m.Flags = unix.MAP_SHARED | unix.MAP_ANONYMOUS
	}
	for flag, bit := range map[string]uint32{"gd": unix.MAP_GROWSDOWN, "nr": unix.MAP_NORESERVE, "ht": unix.MAP_HUGETLB} {
		if a.HasFlag(flag) {
			m.Flags |= bit
		}
	}
	if strings.HasPrefix(a.Path, "[") {
		m.Name = a.Path
	}
	return m
}

// fileOf says which file at home an area maps. A private mapping of what has no
// name any more is not known: it goes as anonymous memory, with all its pages.
func (s *Subject) fileOf(a tracer.Area) (image.File, bool, error) {
	if s.FileOf != nil {
		f, known := s.FileOf(a)
		if !known {
			return f, false, fmt.Errorf("pid %d maps %s at %#x, which is no file of its home", s.Pid, a.Path, a.Start)
		}
		return f, true, nil
	}
	if own := s.own[identityOf(a)]; own != nil {
		return own.File, true, nil
	}
	f, known := HomeFile(s.LocalPid, a)
	return f, known, nil
}

// HomeFile is the regular file that an area of a process at home maps. It is not
// known if the file is gone or another one stands at its path.
func HomeFile(pid abi.LocalPid, a tracer.Area) (f image.File, known bool) {
	var st unix.Stat_t
	path := fmt.Sprintf("/proc/%d/root%s", pid, a.Path)
	if unix.Stat(path, &st) != nil || st.Ino != a.Ino || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return image.File{}, false
	}
	return image.File{Path: a.Path, Dev: a.Dev, Ino: a.Ino, Size: st.Size, MtimeNs: st.Mtim.Nano()}, true
}

// SameFile tells whether an open descriptor of home, shown as path below
// /proc/PID/fd, is the file that an image names. The device is compared by way
// of the file's areas only: file systems such as btrfs show another one to stat.
func SameFile(f image.File, descriptor string) (bool, error) {
	var st unix.Stat_t
	if err := unix.Stat(descriptor, &st); err != nil {
		return false, &os.PathError{Op: "stat", Path: descriptor, Err: err}
	}
	return st.Ino == f.Ino && st.Size == f.Size && st.Mtim.Nano() == f.MtimeNs, nil
}
