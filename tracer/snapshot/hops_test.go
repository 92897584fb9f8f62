package snapshot

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// A program that changes its memory all the time must not notice where it does
// so: the same seed gives the same digest natively and on a walk out and back
// through several guests.
func TestHops(t *testing.T) {
	const steps = 60
	path := compile(t, "hopper")
	lengthen(t, path)
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			want := native(t, path, steps, seed+99)
			p := start(t, path, fmt.Sprint(steps), fmt.Sprint(seed+99), "0")
			home := moving(t, p)
			home.OpenFile = home.openHere
			walk{t: t, p: p, random: rand.New(rand.NewPCG(seed, 1)), steps: steps}.from(home)
			if got := home.end(); got != want {
				t.Fatalf("digest %d away, %d natively", got, want)
			}
		})
	}
}

// lengthen appends data to the program, which it maps.
func lengthen(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 70 * abi.PageSize {
		b = append(b, byte(i/abi.PageSize+i))
	}
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
}

// native runs the program by itself and returns its exit status.
func native(t *testing.T, path string, steps int, seed uint64) int {
	t.Helper()
	cmd := exec.Command(path, fmt.Sprint(steps), fmt.Sprint(seed), fmt.Sprint(steps))
	cmd.Run()
	if !cmd.ProcessState.Exited() {
		t.Fatalf("%v", cmd.ProcessState)
	}
	return cmd.ProcessState.ExitCode()
}

// walk moves a program about; it makes some steps wherever it is.
type walk struct {
	t      *testing.T
	p      started
	random *rand.Rand
	steps  int
	done   int
}

func (w walk) from(home *subject) {
	var origin *image.Process
	for w.done < w.steps {
		picture := home.shoot(image.NewCompressor(0))
		if origin == nil {
			origin = &picture.Process
		}
		home.park()
		home.on(func() error { return Strip(home.Subject, picture.Image, nil) })
		for range 1 + w.random.IntN(2) { // over one or two guests
			guest := fresh(w.t, origin)
			guest.withDescriptor(picture)
			guest.rebuild(picture)
			guest.run()
			w.step(guest)
			guest.stop()
			picture = guest.shoot(image.NewCompressor(0))
			guest.kill()
		}
		home.rebuild(picture)
		home.run()
		w.step(home)
		if w.done < w.steps {
			home.stop()
		}
	}
}

// step lets the program make some steps and waits until they are done.
func (w *walk) step(s *subject) {
	w.t.Helper()
	w.done = min(w.steps, w.done+1+w.random.IntN(8))
	if s.away() {
		w.done = min(w.steps-1, w.done) // the last step is home's, whose exit status counts
	}
	if _, err := s.Mem.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(w.done)), w.p.goFlag); err != nil {
		w.t.Fatal(err)
	}
	if w.done == w.steps {
		return
	}
	var b [8]byte
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, err := s.Mem.ReadAt(b[:], w.p.rounds); err != nil {
			w.t.Fatal(err)
		}
		if binary.LittleEndian.Uint64(b[:]) == uint64(w.done) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatal("the program does not make its steps")
		}
	}
}

// withDescriptor opens the program's file as descriptor 3, which it has at home.
func (s *subject) withDescriptor(p shot) {
	s.t.Helper()
	for _, f := range p.Files {
		if f.Path == exeOf(p) {
			s.on(func() error {
				fd, _, err := s.openHere(f)
				if err == nil && fd != 3 {
					_, err = s.call("dup2", unix.SYS_DUP2, uint64(fd), 3)
				}
				return err
			})
			return
		}
	}
	s.t.Fatal("the program's file is not mapped")
}

// exeOf is the file that the code of an image comes from.
func exeOf(p shot) string {
	if m := p.At(abi.Addr(p.Process.Layout.StartCode)); m != nil && m.File >= 0 {
		return p.Files[m.File].Path
	}
	return ""
}

// kill ends a subject and waits until it is gone.
func (s *subject) kill() {
	unix.Kill(int(s.LocalPid), unix.SIGKILL)
	s.on(func() error {
		for _, k := range s.Tasks {
			k.Wait()
		}
		return nil
	})
}

func TestThreadsInPlace(t *testing.T) {
	p := start(t, compile(t, "threads"))
	s := moving(t, p)
	for range 3 {
		picture := s.shoot(image.NewCompressor(0))
		s.park()
		s.on(func() error { return Strip(s.Subject, picture.Image, nil) })
		s.rebuild(picture)
		s.run()
		s.spins(p)
		s.stop()
	}
	s.resume()
	s.release(p)
	if status := s.end(); status != 0 {
		t.Fatalf("check %d failed", status)
	}
}

// resume lets held tasks go on as if nothing had been done to them.
func (s *subject) resume() {
	s.t.Helper()
	s.on(func() error {
		for i, k := range s.Tasks {
			if err := s.inject[i].End(); err != nil {
				return err
			}
			if err := k.Cont(0); err != nil {
				return err
			}
		}
		s.inject = nil
		return nil
	})
}

// A node whose kernel has another vdso gives the program the code it knows.
func TestOtherVdso(t *testing.T) {
	p := start(t, compile(t, "mover"), "clock")
	old := moving(t, p)
	picture := old.shoot(nil)
	v := &picture.Process.Vdso
	v.Bytes[len(v.Bytes)-1]++ // padding
	v.Hash = hashOf(v.Bytes)
	for range 2 { // a second hop must find the program's own vdso again
		other := fresh(t, &picture.Process)
		other.rebuild(picture)
		other.run()
		other.spins(p)
		other.stop()
		old, picture = other, other.shoot(nil)
	}
	old.resume()
	old.release(p)
	if status := old.end(); status != 0 {
		t.Fatalf("check %d failed", status)
	}
}
