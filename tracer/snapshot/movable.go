package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// Movable says, in words for users, why the process must run at home for now. It
// is empty if nothing stands against a move. While the process runs, without a
// Leader, its descriptors and registers are not looked at. A Take that follows in the
// same stop relies on the mappings that Movable has seen.
func Movable(s *Subject) (reason string) {
	for _, look := range []func() (string, error){s.statusReason, s.kinshipReason, s.areasReason, s.descriptorsReason, s.timersReason, s.modesReason, s.processorReason} {
		reason, err := look()
		if err != nil {
			return fmt.Sprintf("it cannot be examined (%v)", err)
		}
		if reason != "" {
			return reason
		}
	}
	return ""
}

// Ending tells whether a process has given its memory back, the first thing that an
// end does, or is no more. Of such a process /proc does not show much (kernel/exit.c,
// do_exit; fs/proc/base.c, task_dump_owner), and what Movable says is not true.
func Ending(pid abi.LocalPid) bool {
	areas, err := tracer.ReadAreasQuick(pid)
	if err == nil && len(areas) == 0 { // unless it is only the first task that has ended
		_, ok := tracer.TaskWithMemory(pid)
		return !ok
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH)
}

func (s *Subject) statusReason() (string, error) {
	st, err := readStatus(s.LocalPid)
	switch {
	case err != nil:
		return "", err
	case st.seccomp != 0:
		return "has a seccomp filter of its own", nil
	case st.namespaces > 1:
		return "is in a pid namespace of its own", nil
	case st.tracerPid != 0 && !ownThread(st.tracerPid):
		return fmt.Sprintf("is traced by process %d", st.tracerPid), nil
	}
	return "", nil
}

// ownThread tells whether a thread is one of this program: a tracer is a thread.
func ownThread(tid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
	return err == nil
}

func (s *Subject) processorReason() (string, error) {
	if s.Leader == nil {
		return "", nil
	}
	regs, err := s.Leader.Regs()
	if st := s.state(s.Leader); st != nil {
		regs, err = st.Regs, nil
	}
	if err != nil {
		return "", err
	}
	if regs.Is32() {
		return "is a 32-bit program", nil
	}
	return "", nil
}

func (s *Subject) areasReason() (string, error) {
	st, err := readStatus(s.LocalPid)
	if err != nil {
		return "", err
	}
	areas, err := tracer.ReadAreas(s.LocalPid)
	if err != nil {
		return "", err
	}
	s.areas, s.own, s.ownBytes = areas, nil, 0
	if len(areas) == 0 {
		if _, ok := tracer.TaskWithMemory(s.LocalPid); ok {
			return "its first thread has ended", nil
		}
		return "has no memory", nil
	}
	for _, a := range areas {
		if isKernels(a) || s.ours(a) {
			continue
		}
		if reason := s.areaReason(a, st.uid); reason != "" {
			return reason, nil
		}
	}
	if reason, err := s.ownersReason(areas); reason != "" || err != nil {
		return reason, err
	}
	return s.anonymousReason(areas)
}

// areaFlags are the VmFlags of memory that cannot move.
var areaFlags = []struct{ flag, reason string }{
	{"ht", "uses huge pages of a pool (%s)"},
	{"io", "has a device mapped (%s)"},
	{"pf", "has a device mapped (%s)"},
	{"um", "handles its own page faults with userfaultfd (%s)"},
	{"uw", "handles its own page faults with userfaultfd (%s)"},
	{"ui", "handles its own page faults with userfaultfd (%s)"},
	{"ss", "has a shadow stack (%s)"},
}

func (s *Subject) areaReason(a tracer.Area, uid int) string {
	name := a.Path
	if name == "" {
		name = fmt.Sprintf("at %#x", a.Start)
	}
	switch {
	case name == "[uprobes]":
		return "is being probed (uprobes)"
	case strings.HasPrefix(name, "/[aio]"):
		return "uses asynchronous I/O (io_setup)"
	case strings.HasPrefix(name, "/SYSV"):
		return "shares System V memory with others"
	case strings.HasPrefix(name, "anon_inode:[io_uring]"):
		return "uses io_uring"
	case strings.HasPrefix(name, "anon_inode:"), strings.HasPrefix(name, "/dev/") && !harmlessDevice(name):
		return fmt.Sprintf("has a device mapped (%s)", name)
	case strings.HasPrefix(name, "/secretmem"):
		return "has secret memory (memfd_secret)"
	}
	for _, f := range areaFlags {
		if a.HasFlag(f.flag) {
			return fmt.Sprintf(f.reason, name)
		}
	}
	if a.Shared() && !sharesAnonymous(a) {
		return s.sharedReason(a, name, uid)
	}
	if strings.HasSuffix(a.Path, deletedMark) {
		return s.deletedReason(a)
	}
	return ""
}

// deletedReason says why a private mapping of a file without a name cannot go as the
// anonymous memory that it would become.
func (s *Subject) deletedReason(a tracer.Area) string {
	switch name := strings.TrimSuffix(a.Path, deletedMark); {
	case s.away() || a.Ino == 0:
		return ""
	case s.behindEndAt(a):
		return fmt.Sprintf("has a deleted file mapped behind its end (%s)", name)
	case s.writesTo(a.Path):
		return fmt.Sprintf("has a deleted file mapped and open to write (%s)", name)
	}
	return ""
}

// writesTo tells whether the process has a file open to write, by the name that /proc shows.
func (s *Subject) writesTo(path string) bool {
	dir := fmt.Sprintf("/proc/%d/fd/", s.LocalPid)
	entries, _ := os.ReadDir(dir)
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		to, err := os.Readlink(dir + e.Name())
		return err == nil && to == path && opensToWrite(s.LocalPid, e.Name())
	})
}

// deletedMark is what the kernel adds to the name of a file that has none any more.
const deletedMark = " (deleted)"

// behindEndAt tells whether the last page of an area lies behind the end of its file: it
// cannot go as anonymous memory, which does not raise SIGBUS.
func (s *Subject) behindEndAt(a tracer.Area) bool {
	if s.Mem == nil || !a.Readable() {
		return false
	}
	_, err := s.Mem.ForceRead(make([]byte, 1), a.End-1)
	return err != nil
}

// harmlessDevice tells whether a mapping below /dev is ordinary memory.
func harmlessDevice(name string) bool {
	return strings.HasPrefix(name, "/dev/zero") || strings.HasPrefix(name, "/dev/shm/")
}

// sharedReason judges shared mappings. One that can never be written ("mw" is
// VM_MAYWRITE) and whose file the job's user cannot change either reads the same
// everywhere. So do those of a guest: they came with it.
func (s *Subject) sharedReason(a tracer.Area, name string, uid int) string {
	if s.away() || s.isStable(a, uid) {
		return ""
	}
	return s.ownReason(a, name, uid)
}

// SharedReason says why a process at home must stay there with the shared mapping
// at an address; it is empty if the mapping reads the same everywhere.
func SharedReason(pid abi.LocalPid, at abi.Addr) (string, error) {
	st, err := readStatus(pid)
	if err != nil {
		return "", err
	}
	areas, err := tracer.ReadAreas(pid)
	if err != nil {
		return "", err
	}
	s := &Subject{LocalPid: pid}
	for _, a := range areas {
		if a.Start <= at && at < a.End && a.Shared() {
			if s.isStable(a, st.uid) {
				return "", nil
			}
			return sharedText(a, a.Path), nil
		}
	}
	return "", nil
}

// systemTrees hold files that change by installing software only. For a job of
// root they must do; otherwise root's own files are safe wherever they lie.
var systemTrees = []string{"/usr/", "/lib/", "/lib64/", "/etc/", "/opt/", "/var/cache/", "/nix/store/", "/gnu/store/"}

// isStable tells whether nobody but the superuser can change what a mapping shows.
func (s *Subject) isStable(a tracer.Area, uid int) bool {
	if a.Writable() || a.HasFlag("mw") {
		return false
	}
	var st unix.Stat_t
	if unix.Stat(fmt.Sprintf("/proc/%d/root%s", s.LocalPid, a.Path), &st) != nil || st.Ino != a.Ino {
		return false
	}
	return !Changeable(&st, a.Path, uid)
}

// Changeable tells whether a file changes other than by installing software, in a job of
// that user.
func Changeable(st *unix.Stat_t, path string, uid int) bool {
	if st.Uid != 0 || st.Mode&0o022 != 0 {
		return true
	}
	return uid == 0 && !slices.ContainsFunc(systemTrees, func(tree string) bool { return strings.HasPrefix(path, tree) })
}

// descriptorsReason looks for descriptors whose kernel object works on the memory
// of the process by itself. A look keeps the file open for a moment (fs/proc/fd.c): a
// pipe whose last writer closes it just then would not end yet, so the process must
// stand still.
func (s *Subject) descriptorsReason() (string, error) {
	if s.Leader == nil {
		return "", nil
	}
	dir := fmt.Sprintf("/proc/%d/fd", s.LocalPid)
	names, err := readNames(dir)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		target, err := os.Readlink(filepath.Join(dir, name))
		if err != nil {
			continue // closed meanwhile
		}
		switch target {
		case "anon_inode:[io_uring]":
			return "uses io_uring", nil
		case "anon_inode:[userfaultfd]":
			return "handles its own page faults (userfaultfd)", nil
		}
		if IsMemoryView(s.LocalPid, target) {
			return fmt.Sprintf("looks at its own memory (%s)", target), nil
		}
	}
	return "", nil
}

// memoryViews are the files of /proc/PID that show the memory of the process, or count
// it among other things. The body's would show what is left there while the process is
// away, and that it is traced.
var memoryViews = []string{"maps", "smaps", "smaps_rollup", "numa_maps", "pagemap", "mem", "stat", "statm", "status", "cmdline", "environ"}

// IsMemoryView tells whether a path, as a descriptor's link shows it, is a view of
// the memory of a process at home.
func IsMemoryView(pid abi.LocalPid, path string) bool {
	return strings.HasPrefix(path, fmt.Sprintf("/proc/%d/", pid)) && slices.Contains(memoryViews, filepath.Base(path))
}

func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
