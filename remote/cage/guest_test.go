package cage

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// inside is a sealed guest and the means to make it do things.
type inside struct {
	t     *testing.T
	cage  *Cage
	guest *tracer.Task

	insn    abi.Addr // of the instruction that try uses; 0: the cage's
	through bool     // let trapped calls through
	message uint64   // of the last trapped call
}

func newTracer(t *testing.T) *tracer.Tracer {
	t.Helper()
	tr, err := tracer.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

func newCage(t *testing.T, cfg Config) *Cage {
	t.Helper()
	if cfg.Tracer == nil {
		cfg.Tracer = newTracer(t)
	}
	if cfg.Weakest == "" {
		cfg.Weakest = AnyLevel
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// spawn makes a guest with this pid and seals it.
func spawn(t *testing.T, c *Cage, pid abi.HomePid) *inside {
	t.Helper()
	in := &inside{t: t, cage: c}
	c.cfg.Tracer.Do(func() {
		var err error
		if in.guest, err = c.Spawn(pid); err == nil {
			err = in.seal()
		}
		if err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return in
}

func (in *inside) seal() error {
	call, err := in.guest.Injector(in.cage.Insn())
	if err != nil {
		return err
	}
	memory, err := tracer.OpenMemory(in.guest.Tid)
	if err != nil {
		return err
	}
	defer memory.Close()
	if err := in.cage.Seal(in.guest, []tracer.Caller{call}, in.cage.scratch(), memory); err != nil {
		return err
	}
	return call.End()
}

// try makes the guest execute one call as its own code would, and tells whether
// the filter trapped it; a trapped call is not executed.
func (in *inside) try(nr uint64, args ...uint64) (ret int64, trapped bool) {
	in.t.Helper()
	var err error
	in.cage.cfg.Tracer.Do(func() { ret, trapped, err = in.run(nr, args...) })
	if err != nil {
		in.t.Fatal(err)
	}
	return ret, trapped
}

func (in *inside) run(nr uint64, args ...uint64) (int64, bool, error) {
	r, err := in.guest.Regs()
	if err != nil {
		return 0, false, err
	}
	var six [6]uint64
	copy(six[:], args)
	r.Rip, r.Rax = uint64(in.cage.Insn()), nr
	if in.insn != 0 {
		r.Rip = uint64(in.insn)
	}
	r.LeaveSyscall()
	r.SetArgs(six)
	if err := in.guest.SetRegs(r); err != nil {
		return 0, false, err
	}
	trapped := false
	for exits := 0; exits < 2; {
		if err := in.guest.Syscall(0); err != nil {
			return 0, trapped, err
		}
		s, err := in.guest.Wait()
		if err != nil {
			return 0, trapped, fmt.Errorf("%v: %w", s, err)
		}
		switch s.Kind {
		case tracer.StopSyscall:
			exits++
		case tracer.StopSeccomp:
			trapped = true
			if err := in.trapped(); err != nil {
				return 0, trapped, err
			}
		}
	}
	after, err := in.guest.Regs()
	return after.Result(), trapped, err
}

// trapped answers a trapped call.
func (in *inside) trapped() (err error) {
	if in.message, err = in.guest.EventMessage(); err != nil || in.through {
		return err
	}
	at, err := in.guest.Regs()
	if err != nil {
		return err
	}
	at.Skip(-int64(unix.ENOSYS))
	return in.guest.SetRegs(at)
}

// clock is what the guest reads from a clock.
func (in *inside) clock(clock int32) int64 {
	at := in.cage.scratch()
	if ret, trapped := in.try(unix.SYS_CLOCK_GETTIME, uint64(clock), uint64(at)); ret != 0 || trapped {
		in.t.Fatalf("clock_gettime: %d, trapped %v", ret, trapped)
	}
	m, err := tracer.OpenMemory(in.guest.Tid)
	if err != nil {
		in.t.Fatal(err)
	}
	defer m.Close()
	var b [16]byte
	if _, err := m.ReadAt(b[:], at); err != nil {
		in.t.Fatal(err)
	}
	return leTime(b)
}

func leTime(b [16]byte) int64 {
	ts := unix.Timespec{}
	for i := range 8 {
		ts.Sec |= int64(b[i]) << (8 * i)
		ts.Nsec |= int64(b[8+i]) << (8 * i)
	}
	return ts.Nano()
}
