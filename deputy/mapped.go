package deputy

import (
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/snapshot"
)

// mappedFiles tells of files that processes which are away have mapped privately and that
// change (man inotify): by a write, which shows in such a mapping until the program has
// stored there itself, or by a cut, which takes the pages away and has what lies behind the
// end raise SIGBUS (man mmap). A guest sees nothing of it: the process comes home, before it
// learns of anything else.
type mappedFiles struct {
	mu     sync.Mutex
	notify int                      // 0: nothing was watched yet
	bodies map[int32]map[*body]bool // by watch
}

// isChanged is why a process comes home.
const isChanged = "a file that it has mapped has changed"

// watchMapped watches the private mappings of a process, instead of those before.
func (b *body) watchMapped() error {
	b.dropMapped()
	areas, err := tracer.ReadAreasQuick(abi.LocalPid(b.pid))
	if err != nil {
		return err
	}
	seen := map[uint64]bool{}
	for _, a := range areas {
		if a.Ino == 0 || a.Shared() || seen[a.Ino] {
			continue
		}
		seen[a.Ino] = true
		if err := b.watchFile(a); err != nil {
			return err
		}
	}
	return nil
}

// watchFile watches the file of an area, if anybody may change it in the usual course of
// things. One without a name goes along as it is.
func (b *body) watchFile(a tracer.Area) error {
	var st unix.Stat_t
	path := fmt.Sprintf("/proc/%d/root%s", b.pid, a.Path)
	if unix.Stat(path, &st) != nil || st.Ino != a.Ino || st.Mode&unix.S_IFMT != unix.S_IFREG || !snapshot.Changeable(&st, a.Path, unix.Geteuid()) {
		return nil
	}
	m := &b.d.mapped
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.notify == 0 {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return &pinnedError{fmt.Sprintf("has files mapped that cannot be watched (%v)", err)}
		}
		m.notify, m.bodies = fd, map[int32]map[*body]bool{}
	}
	watch, err := unix.InotifyAddWatch(m.notify, path, unix.IN_MODIFY)
	if err != nil {
		return &pinnedError{fmt.Sprintf("has %s mapped, which cannot be watched (%v)", a.Path, err)}
	}
	if m.bodies[int32(watch)] == nil {
		m.bodies[int32(watch)] = map[*body]bool{}
	}
	m.bodies[int32(watch)][b] = true
	return nil
}

// inherit has a child watched like its parent.
func (m *mappedFiles) inherit(parent, child *body) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, bodies := range m.bodies {
		if bodies[parent] {
			bodies[child] = true
		}
	}
	child.changed = parent.changed
}

// dropMapped ends the watch: the process is at home, or no more.
func (b *body) dropMapped() {
	m := &b.d.mapped
	m.mu.Lock()
	defer m.mu.Unlock()
	for watch, bodies := range m.bodies {
		if !bodies[b] {
			continue
		}
		if delete(bodies, b); len(bodies) == 0 {
			_, _ = unix.InotifyRmWatch(m.notify, uint32(watch))
			delete(m.bodies, watch)
		}
	}
	b.changed = false
}

// mapsChanged tells whether a file that the process has mapped has changed.
func (b *body) mapsChanged() bool {
	m := &b.d.mapped
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.bodies) == 0 {
		return false
	}
	var events [64 * unix.SizeofInotifyEvent]byte // of files, which come without a name
	for {
		n, err := unix.Read(m.notify, events[:])
		if n <= 0 || err != nil {
			return b.changed
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; at += unix.SizeofInotifyEvent {
			watch, mask := int32(binary.NativeEndian.Uint32(events[at:])), binary.NativeEndian.Uint32(events[at+4:])
			m.note(watch, mask)
		}
	}
}

// note takes in an event: after an overflow anything may have changed. Called with mu held.
func (m *mappedFiles) note(watch int32, mask uint32) {
	for other, bodies := range m.bodies {
		if other != watch && mask&unix.IN_Q_OVERFLOW == 0 || mask&unix.IN_IGNORED != 0 {
			continue
		}
		for b := range bodies {
			b.changed = true
		}
	}
}
