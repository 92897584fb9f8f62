package deputy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/link"
)

// ownFiles are the files that a process which is away has to itself (snapshot.OwnFile).
// What the guest stores there arrives here. Whoever opens or changes such a file, the
// process itself by a call included, ends that: the process comes home, before it learns of
// anything else.
type ownFiles struct {
	files  []image.File
	areas  []tracer.Area // that map them in the body
	notify int           // a descriptor (man inotify)
	stop   int           // an eventfd that ends its watch

	mu       sync.Mutex // guards what follows
	used     bool       // a file has been opened or changed
	watching bool       // by a goroutine, which closes the descriptors at its end
	over     bool       // they are closed
}

// isUsed is why a process comes home.
const isUsed = "a file that it has mapped shared is being used"

// takeOwn begins to watch the files that a process has to itself, as Movable has found, and
// finds out once more whether it has: nobody can have come in between then. It costs a look
// at all processes, so it is done before the process is stopped, and then for files alone
// that it has mapped meanwhile.
func (b *body) takeOwn(s *snapshot.Subject) error {
	all := s.OwnFiles()
	if slices.ContainsFunc(all, func(f snapshot.OwnFile) bool { return !b.watches(f.File.Dev, f.File.Ino) }) {
		if err := b.watchAnew(s, all); err != nil {
			return err
		}
	}
	o := b.own.Load()
	if o == nil {
		return nil
	}
	areas, err := tracer.ReadAreasQuick(abi.LocalPid(b.pid))
	o.areas = slices.DeleteFunc(areas, func(a tracer.Area) bool { return !o.has(a.Dev, a.Ino) })
	return err
}

// watchAnew watches all files that are given instead of those before.
func (b *body) watchAnew(s *snapshot.Subject, all []snapshot.OwnFile) error {
	b.dropOwn()
	o, err := watchFiles(all)
	if err != nil {
		return &pinnedError{fmt.Sprintf("has a shared file that cannot be watched (%v)", err)}
	}
	b.own.Store(o)
	if reason := snapshot.Movable(s); reason != "" {
		return &pinnedError{reason}
	}
	return nil
}

// watches tells whether it is a file that is watched and that nobody has opened since.
func (b *body) watches(dev, ino uint64) bool {
	o := b.own.Load()
	return o.has(dev, ino) && !o.inUse()
}

// watchFiles has the kernel tell of everybody who opens or changes a file.
func watchFiles(all []snapshot.OwnFile) (*ownFiles, error) {
	notify, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(notify)
		return nil, err
	}
	o := &ownFiles{notify: notify, stop: stop}
	for _, f := range all {
		o.files = append(o.files, f.File)
		if _, err := unix.InotifyAddWatch(notify, f.Watch, unix.IN_OPEN|unix.IN_MODIFY); err != nil {
			return nil, errors.Join(err, unix.Close(notify), unix.Close(stop))
		}
	}
	return o, nil
}

// has tells whether it is one of the files.
func (o *ownFiles) has(dev, ino uint64) bool {
	return o != nil && slices.ContainsFunc(o.files, func(f image.File) bool { return f.Dev == dev && f.Ino == ino })
}

// inUse tells whether somebody has opened or changed a file.
func (o *ownFiles) inUse() bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.used || o.over {
		return o.used
	}
	var events [64 * unix.SizeofInotifyEvent]byte // of files, which come without a name
	n, _ := unix.Read(o.notify, events[:])
	for at := 0; at+unix.SizeofInotifyEvent <= n; at += unix.SizeofInotifyEvent {
		mask := binary.NativeEndian.Uint32(events[at+4:])
		o.used = o.used || mask&^unix.IN_IGNORED != 0 // which tells that the file is gone
	}
	return o.used
}

// watchOwn brings the process home as soon as one of its files is used, whatever it does.
func (b *body) watchOwn() {
	o := b.own.Load()
	if o == nil {
		return
	}
	o.mu.Lock()
	o.watching = true
	o.mu.Unlock()
	go func() {
		if o.await() {
			b.comeHome(isUsed, false)
		}
		o.close()
	}()
}

// await waits until a file is used, or until the end of the watch.
func (o *ownFiles) await() (used bool) {
	fds := []unix.PollFd{{Fd: int32(o.notify), Events: unix.POLLIN}, {Fd: int32(o.stop), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case err == unix.EINTR:
		case err != nil || fds[1].Revents != 0:
			return false
		case o.inUse():
			return true
		}
	}
}

// dropOwn ends the watch: the process is at home, or no more.
func (b *body) dropOwn() {
	b.dropMapped()
	o := b.own.Swap(nil)
	if o == nil {
		return
	}
	o.mu.Lock()
	watching := o.watching
	if watching && !o.over {
		unix.Write(o.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
	o.mu.Unlock()
	if !watching {
		o.close()
	}
}

func (o *ownFiles) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	unix.Close(o.notify)
	unix.Close(o.stop)
}

// serveStores writes what the guest has stored into the file, by way of the body's memory.
// Where that is no more, the file has been cut short.
func (b *body) serveStores(f *link.Frame) error {
	var m wire.Stores
	if err := f.Decode(&m); err != nil {
		return err
	}
	<-b.readiness()
	b.using.RLock()
	defer b.using.RUnlock()
	data, o := f.Payload, b.own.Load()
	if o == nil {
		return nil // it has ended, or come home, meanwhile
	}
	for _, r := range m.Runs {
		at, ok := o.find(m.Dev, m.Ino, r)
		if !ok || int(r.Len) > len(data) {
			return fmt.Errorf("%d bytes at %d for file %d, which process %d does not have to itself", r.Len, r.Offset, m.Ino, b.pid)
		}
		if _, err := b.mem.WriteAt(data[:r.Len], at); err != nil {
			b.d.log.Debug().Int("pid", int(b.pid)).Err(err).Msg("not stored")
		}
		data = data[r.Len:]
	}
	return nil
}

// find is where a range of a file is in the body.
func (o *ownFiles) find(dev, ino uint64, r wire.StoreRun) (abi.Addr, bool) {
	for _, a := range o.areas {
		if a.Dev == dev && a.Ino == ino && a.Offset <= r.Offset && r.Offset-a.Offset < a.Len() && uint64(r.Len) <= a.Len()-(r.Offset-a.Offset) {
			return a.Start + abi.Addr(r.Offset-a.Offset), true
		}
	}
	return 0, false
}
