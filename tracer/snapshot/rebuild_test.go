package snapshot

import (
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// fresh is an empty process, parked, in which files of this machine can be opened.
func fresh(t *testing.T, origin *image.Process) *subject {
	t.Helper()
	s := freshHeld(t, origin)
	s.park()
	return s
}

// freshHeld is an empty process that is stopped and makes calls by injection.
func freshHeld(t *testing.T, origin *image.Process) *subject {
	t.Helper()
	s := newSubject(t, func() (abi.LocalPid, error) { return tracer.StartSeed("mosix-test", nil) })
	s.hold()
	for i, in := range s.inject {
		slot, err := s.loop.Slot(i)
		if err != nil {
			t.Fatal(err)
		}
		in.UseLoop(slot)
	}
	home := new(Subject)
	s.FileOf = func(a tracer.Area) (image.File, bool) {
		home.LocalPid = s.LocalPid
		f, known, err := home.fileOf(a)
		return f, known && err == nil
	}
	s.OpenFile = s.openHere
	s.Origin = origin
	return s
}

// openHere opens a file of this machine in the subject.
func (s *subject) openHere(f image.File) (int, bool, error) {
	at, err := s.put(s.Caller, append([]byte(f.Path), 0))
	if err != nil {
		return 0, false, err
	}
	fd, err := s.call("open", unix.SYS_OPEN, at, unix.O_RDONLY)
	return int(fd), true, err
}

// moving makes a running program a held subject.
func moving(t *testing.T, p started) *subject {
	t.Helper()
	s := newSubject(t, func() (abi.LocalPid, error) { return p.pid, nil })
	s.hold()
	return s
}

// release lets the program do its checks.
func (s *subject) release(p started) {
	s.t.Helper()
	if _, err := s.Mem.WriteAt([]byte{1}, p.goFlag); err != nil {
		s.t.Fatal(err)
	}
}

// spins waits until the program has gone round its loop again.
func (s *subject) spins(p started) {
	s.t.Helper()
	read := func() uint64 {
		var b [8]byte
		if _, err := s.Mem.ReadAt(b[:], p.rounds); err != nil {
			s.t.Fatal(err)
		}
		return binary.LittleEndian.Uint64(b[:])
	}
	before := read()
	for deadline := time.Now().Add(10 * time.Second); read() == before; {
		if time.Now().After(deadline) {
			s.t.Fatal("the program does not go on")
		}
	}
}

// programs are the ways in which the program is built and waits.
var programs = []struct {
	name  string
	flags []string
	args  []string
}{
	{"static", []string{"-static"}, nil},
	{"dynamic", nil, nil},
	{"in the vdso", nil, []string{"clock"}},
}

func TestRebuildInAnotherProcess(t *testing.T) {
	for _, c := range programs {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, compile(t, "mover", c.flags...), c.args...)
			old := moving(t, p)
			picture := old.shoot(image.NewCompressor(0))
			other := fresh(t, &picture.Process)
			other.rebuild(picture)
			other.run()
			other.spins(p)
			other.release(p)
			if status := other.end(); status != 0 {
				t.Fatalf("check %d failed", status)
			}
		})
	}
}

func TestRebuildInPlace(t *testing.T) {
	for _, c := range programs {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, compile(t, "mover", c.flags...), c.args...)
			s := moving(t, p)
			picture := s.shoot(image.NewCompressor(100 << 20))
			s.park()
			s.on(func() error { return Strip(s.Subject, picture.Image, nil) })
			s.rebuild(picture)
			s.run()
			s.spins(p)
			s.release(p)
			if status := s.end(); status != 0 {
				t.Fatalf("check %d failed", status)
			}
		})
	}
}

// A task that is stopped all the time makes its calls by injection, and a second
// rebuild may follow one that did not lead to anything.
func TestRebuildByInjection(t *testing.T) {
	p := start(t, compile(t, "mover"))
	picture := moving(t, p).shoot(nil)
	s := freshHeld(t, &picture.Process)
	s.rebuild(picture)
	s.rebuild(picture)
	for i, k := range s.Tasks {
		st := s.states[k]
		if st.Xstate != nil {
			t.Error("the vector registers are not in the task")
		}
		*s.inject[i].Regs(), *s.inject[i].Mask() = st.Regs, st.Mask
	}
	s.resume()
	s.spins(p)
	s.release(p)
	if status := s.end(); status != 0 {
		t.Fatalf("check %d failed", status)
	}
}
