package snapshot

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
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

// window is where the windows of all processes of these tests lie, with room for
// that many tasks.
const (
	window abi.Addr = 0x5f0000000000
	slots  int      = 8
)

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
			s.loop, err = tracer.NewLoop(s.LocalPid, s.Mem, s.Caller, window, slots)
			if err != nil {
				return err
			}
		}
		s.Window = s.loop.Range()
		first, err := s.loop.Slot(0)
		if err != nil {
			return err
		}
		_, at := first.Buffers()
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
