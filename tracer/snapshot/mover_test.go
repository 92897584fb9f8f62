package snapshot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// compile builds a program of testdata and returns its path.
func compile(t *testing.T, name string, flags ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc on this machine to build the program that is moved")
	}
	path := filepath.Join(t.TempDir(), name)
	args := append([]string{"-O1", "-mavx", "-o", path, filepath.Join("testdata", name+".c"), "-lm", "-pthread"}, flags...)
	if out, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return path
}

// subject is a process under test, on a tracer of its own.
type subject struct {
	*Subject
	t      testing.TB
	tracer *tracer.Tracer
	loop   *tracer.Loop
	states map[*tracer.Task]*State
	ended  chan tracer.Stop
	inject []*tracer.Injector
}

// window is where the windows of all processes of these tests lie.
const window abi.Addr = 0x5f0000000000

// on runs f on the tracer's thread.
func (s *subject) on(f func() error) {
	s.t.Helper()
	var err error
	s.tracer.Do(func() { err = f() })
	if err != nil {
		s.t.Fatal(err)
	}
}

// newSubject makes a subject of the process that start starts on the tracer's
// thread, seizes it and stops all its tasks.
func newSubject(t testing.TB, start func() (abi.LocalPid, error)) *subject {
	t.Helper()
	tr, err := tracer.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	s := &subject{Subject: new(Subject), t: t, tracer: tr, states: map[*tracer.Task]*State{}, ended: make(chan tracer.Stop, 1)}
	s.on(func() error {
		if s.LocalPid, err = start(); err != nil {
			return err
		}
		return s.seize()
	})
	t.Cleanup(func() { unix.Kill(int(s.LocalPid), unix.SIGKILL) })
	return s
}

func (s *subject) seize() error {
	s.Pid = abi.HomePid(s.LocalPid)
	names, err := readNames(fmt.Sprintf("/proc/%d/task", s.LocalPid))
	if err != nil {
		return err
	}
	for _, name := range names {
		var tid abi.LocalPid
		fmt.Sscan(name, &tid)
		k, err := s.tracer.Seize(tid, unix.PTRACE_O_EXITKILL|unix.PTRACE_O_TRACESYSGOOD)
		if err != nil {
			return err
		}
		k.Handler = s.handle
		if err := k.Stop(); err != nil {
			return err
		}
		if tid == s.LocalPid {
			s.Leader = k
			s.Tasks = append([]*tracer.Task{k}, s.Tasks...)
		} else {
			s.Tasks = append(s.Tasks, k)
		}
	}
	s.Mem, err = tracer.OpenMemory(s.LocalPid)
	return err
}

// handle passes signals on and reports the end of the process.
func (s *subject) handle(k *tracer.Task, stop tracer.Stop) {
	switch {
	case stop.Ended() && k == s.Leader:
		s.ended <- stop
	case stop.Kind == tracer.StopSignal:
		k.Cont(stop.Signal)
	case !stop.Ended():
		k.Cont(0)
	}
}

// stop stops the tasks of a running subject and holds it.
func (s *subject) stop() {
	s.t.Helper()
	s.on(func() error {
		for _, k := range s.Tasks {
			if err := k.Stop(); err != nil {
				return err
			}
		}
		return nil
	})
	s.hold()
}

// hold settles the tasks and begins to inject into them, with a window.
func (s *subject) hold() {
	s.t.Helper()
	s.on(func() error {
		areas, err := tracer.ReadAreas(s.LocalPid)
		if err != nil {
			return err
		}
		insn, err := tracer.FindSyscallInsn(s.Mem, areas)
		if err != nil {
			return err
		}
		callers := map[*tracer.Task]tracer.Caller{}
		for _, k := range s.Tasks {
			if err := Settle(k, s.Mem, areas); err != nil {
				return err
			}
		}
		for _, k := range s.Tasks {
			in, err := k.Injector(insn)
			if err != nil {
				return err
			}
			s.states[k] = &State{Regs: *in.Regs(), Mask: *in.Mask()}
			s.inject = append(s.inject, in)
			callers[k] = in
		}
		s.setCallers(callers)
		if s.loop == nil {
			s.loop, err = tracer.NewLoop(s.LocalPid, s.Mem, s.Caller, window)
			if err != nil {
				return err
			}
		}
		s.Window = [2]abi.Addr{window, window + tracer.WindowSize}
		_, at := s.loop.Buffers()
		s.Scratch = func(int) abi.Addr { return at }
		s.State = func(k *tracer.Task) *State { return s.states[k] }
		return nil
	})
}

func (s *subject) setCallers(callers map[*tracer.Task]tracer.Caller) {
	s.Caller = callers[s.Leader]
	s.CallerOf = func(k *tracer.Task) tracer.Caller { return callers[k] }
}

// park lets all tasks idle in the resident loop, through which calls go then.
func (s *subject) park() {
	s.t.Helper()
	s.on(func() error {
		callers := map[*tracer.Task]tracer.Caller{}
		for i, k := range s.Tasks {
			slot, err := s.loop.Slot(i)
			if err != nil {
				return err
			}
			slot.Enter(s.inject[i].Regs())
			*s.inject[i].Mask() = 0
			if err := s.inject[i].End(); err != nil {
				return err
			}
			if err := k.Cont(0); err != nil {
				return err
			}
			callers[k] = slot
		}
		s.inject = nil
		s.setCallers(callers)
		return nil
	})
}

// run takes parked tasks out of the loop and lets the program go on.
func (s *subject) run() {
	s.t.Helper()
	s.on(func() error {
		for _, k := range s.Tasks {
			if err := k.Stop(); err != nil {
				return err
			}
			if err := s.states[k].Load(k); err != nil {
				return err
			}
		}
		for _, k := range s.Tasks {
			if err := k.Cont(0); err != nil {
				return err
			}
		}
		return nil
	})
}

// end waits for the end of the process and returns its exit status.
func (s *subject) end() int {
	s.t.Helper()
	select {
	case stop := <-s.ended:
		if stop.Kind != tracer.StopExited {
			s.t.Fatalf("the process was %v", stop)
		}
		return stop.Status
	case <-time.After(30 * time.Second):
		s.t.Fatal("the process does not end")
	}
	return -1
}

// shot is an image with its pages.
type shot struct {
	*image.Image
	batches []image.Batch
	trailer image.Trailer
}

// shoot takes the image and the pages of a held subject, and passes the image
// through its encoding.
func (s *subject) shoot(c *image.Compressor) shot {
	s.t.Helper()
	var p shot
	s.on(func() (err error) {
		if reason := Movable(s.Subject); reason != "" {
			return fmt.Errorf("not movable: it %s", reason)
		}
		if p.Image, err = Take(s.Subject); err != nil {
			return err
		}
		p.trailer, err = Pages(s.Subject, p.Image, c, func(b *image.Batch) error {
			kept := *b
			kept.Data = append([]byte(nil), b.Data...)
			p.batches = append(p.batches, kept)
			return nil
		})
		return err
	})
	raw, err := image.Encode(p.Image)
	if err != nil {
		s.t.Fatal(err)
	}
	if p.Image, err = image.Decode(raw); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// rebuild turns a parked subject into what the shot shows.
func (s *subject) rebuild(p shot) {
	s.t.Helper()
	s.on(func() error {
		if err := Prepare(s.Subject, p.Image); err != nil {
			return err
		}
		for i := range p.batches {
			if err := Fill(s.Subject, &p.batches[i]); err != nil {
				return err
			}
		}
		return Finish(s.Subject, p.Image, p.trailer)
	})
}

// started is a program of testdata that runs and has said where its flags lie.
type started struct {
	goFlag, rounds abi.Addr
	pid            abi.LocalPid
}

// start starts a program and waits until it is ready.
func start(t *testing.T, path string, args ...string) started {
	t.Helper()
	p, err := tryStart(t, path, args...)
	if err != nil {
		t.Fatalf("start %s: %v", strings.Join(append([]string{path}, args...), " "), err)
	}
	return p
}

// tryStart is start for programs that may not find what they need.
func tryStart(t *testing.T, path string, args ...string) (p started, err error) {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return p, err
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	_, err = fmt.Fscanf(out, "%v %v %d\n", &p.goFlag, &p.rounds, &p.pid)
	return p, err
}
