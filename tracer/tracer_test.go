package tracer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// seed is a stopped process that waits for ever, on a tracer of its own.
func seed(t *testing.T) (*Tracer, *Task) {
	t.Helper()
	tr, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	var k *Task
	on(t, tr, func() error {
		pid, err := StartSeed("mosix-test", nil)
		if err != nil {
			return err
		}
		if k, err = tr.Seize(pid, unix.PTRACE_O_EXITKILL|unix.PTRACE_O_TRACESYSGOOD); err != nil {
			return err
		}
		return k.Stop()
	})
	return tr, k
}

// on runs f on the tracer's thread and fails the test if it fails.
func on(t *testing.T, tr *Tracer, f func() error) {
	t.Helper()
	var err error
	tr.Do(func() { err = f() })
	if err != nil {
		t.Fatal(err)
	}
}

func TestInject(t *testing.T) {
	tr, k := seed(t)
	on(t, tr, func() error {
		in, err := k.Injector(SeedInsn)
		if err != nil {
			return err
		}
		if pid, err := in.Call(unix.SYS_GETPID); err != nil || pid != int64(k.Tid) {
			t.Errorf("getpid in %d: %d, %v", k.Tid, pid, err)
		}
		return in.End()
	})
}

// A call that is to be made where there is no code is an error, not an endless fault.
func TestInjectNowhere(t *testing.T) {
	tr, k := seed(t)
	on(t, tr, func() error {
		in, err := k.Injector(0)
		if err == nil {
			_, err = in.Call(unix.SYS_GETPID)
		}
		if err == nil {
			t.Error("it was made")
		}
		return nil
	})
}

// The kernel writes into memory on the stack of the tracer's goroutine, which moves
// when it grows: at any depth what is read must arrive.
func TestStackMayGrow(t *testing.T) {
	for fine := range 12 { // a new tracer has a small stack
		tr, k := seed(t)
		var want Regs
		on(t, tr, func() (err error) { want, err = k.Regs(); return err })
		for depth := range 300 {
			on(t, tr, func() error {
				if got := shallow(fine, depth, k); got != want {
					return fmt.Errorf("at depth %d and %d: rip %#x instead of %#x", depth, fine, got.Rip, want.Rip)
				}
				return nil
			})
		}
	}
}

// deep calls itself before it reads the registers, shallow does with a smaller frame.
//
//go:noinline
func deep(depth int, k *Task) (r Regs) {
	if depth == 0 {
		r, _ = k.Regs()
		return r
	}
	return deep(depth-1, k)
}

//go:noinline
func shallow(fine, depth int, k *Task) (r Regs) {
	if fine == 0 {
		return deep(depth, k)
	}
	pad(fine, func() { r = deep(depth, k) })
	return r
}

//go:noinline
func pad(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	pad(n-1, f)
}

// loopIn gives a stopped seed a window and lets it idle in the loop.
func loopIn(t *testing.T, tr *Tracer, k *Task) *Slot {
	t.Helper()
	var slot *Slot
	on(t, tr, func() error {
		in, err := k.Injector(SeedInsn)
		if err != nil {
			return err
		}
		m, err := OpenMemory(k.Tid)
		if err != nil {
			return err
		}
		l, err := NewLoop(k.Tid, m, in, windowPlaces[0], 1)
		if err != nil {
			return err
		}
		t.Cleanup(l.Close)
		if slot, err = l.Slot(0); err != nil {
			return err
		}
		slot.Enter(in.Regs())
		if err := in.End(); err != nil {
			return err
		}
		return k.Cont(0)
	})
	return slot
}

func TestLoopExecutesCalls(t *testing.T) {
	tr, k := seed(t)
	slot := loopIn(t, tr, k)
	for range 1000 {
		if pid, err := slot.Call(unix.SYS_GETPID); err != nil || pid != int64(k.Tid) {
			t.Fatalf("getpid: %d, %v", pid, err)
		}
	}
	if ret, err := slot.Call(unix.SYS_CLOSE, 77); err != nil || ret != -int64(unix.EBADF) {
		t.Fatalf("close of no descriptor: %d, %v", ret, err)
	}
}

func TestLoopSurvivesSignalsAndStops(t *testing.T) {
	tr, k := seed(t)
	seen := 0
	k.Handler = func(k *Task, s Stop) {
		if s.Kind == StopSignal {
			seen++
		}
		if !s.Ended() {
			k.Cont(0)
		}
	}
	slot := loopIn(t, tr, k)
	for i := range 200 {
		if err := unix.Kill(int(k.Tid), unix.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		if pid, err := slot.Call(unix.SYS_GETPID); err != nil || pid != int64(k.Tid) {
			t.Fatalf("round %d: getpid: %d, %v", i, pid, err)
		}
		if i%10 == 0 {
			on(t, tr, func() error {
				if err := k.Stop(); err != nil {
					return err
				}
				return k.Cont(0)
			})
		}
	}
	if seen == 0 {
		t.Fatal("no signal was seen")
	}
}

func TestLoopWaitsForBlockedCall(t *testing.T) {
	tr, k := seed(t)
	k.Handler = func(k *Task, s Stop) {
		if !s.Ended() {
			k.Cont(0)
		}
	}
	slot := loopIn(t, tr, k)
	buf, at := slot.Buffers()
	put64(buf, 0, 0)
	put64(buf, 8, uint64(300*time.Millisecond))
	begin := time.Now()
	slot.Start(unix.SYS_NANOSLEEP, [6]uint64{uint64(at)})
	if _, ok, _ := slot.Wait(200 * time.Millisecond); ok {
		t.Fatal("a sleep of 300 ms ended within 200 ms")
	}
	on(t, tr, func() error { // a stop in mid-call must not be seen
		if err := k.Stop(); err != nil {
			return err
		}
		r, err := k.Regs()
		if err == nil && slot.At(&r) != PlaceInCall {
			t.Errorf("place %v, rip %#x", slot.At(&r), r.Rip)
		}
		return k.Cont(0)
	})
	ret, ok, err := slot.Wait(time.Second)
	if d := time.Since(begin); ret != 0 || !ok || err != nil || d < 300*time.Millisecond || d >= 500*time.Millisecond { // made anew it would end then
		t.Fatalf("nanosleep: %d, %v, %v after %v", ret, ok, err, d)
	}
}

// TestPlaceOfNextCall has a task still wake home's thread for its last call when the
// next one is in its slot already: that one has not begun.
func TestPlaceOfNextCall(t *testing.T) {
	tr, k := seed(t)
	k.Handler = func(k *Task, s Stop) {
		if !s.Ended() {
			k.Cont(0)
		}
	}
	slot := loopIn(t, tr, k)
	const none = ^uint64(0) // no call
	on(t, tr, func() error {
		if err := k.Stop(); err != nil {
			return err
		}
		slot.Start(unix.SYS_GETPID, [6]uint64{})
		for _, at := range []struct {
			offset int
			nr     uint64
			want   Place
		}{
			{0, none, PlaceIdle},
			{slot.loop.insn - 2, none, PlaceBeforeCall},
			{slot.loop.insn, unix.SYS_GETPID, PlaceInCall},
			{slot.loop.insn, none, PlaceAfterCall},
			{slot.loop.done - 2, none, PlaceAfterCall},
			{slot.loop.done, none, PlaceIdle},
			{slot.loop.code - 2, unix.SYS_FUTEX, PlaceIdle},
			{slot.loop.code, none, PlaceOutside},
		} {
			var r Regs
			r.Rip, r.OrigRax = uint64(slot.loop.Window)+uint64(at.offset), at.nr
			if place := slot.At(&r); place != at.want {
				t.Errorf("at %#x in call %d: place %d, want %d", at.offset, int64(at.nr), place, at.want)
			}
		}
		return k.Cont(0)
	})
	if pid, ok, err := slot.Wait(5 * time.Second); pid != int64(k.Tid) || !ok || err != nil {
		t.Fatal(pid, ok, err)
	}
}

// TestPresent has a task take a SIGCONT that was kept when a signal to stop has come since,
// which goes on waiting.
func TestPresent(t *testing.T) {
	tr, k := seed(t)
	var kept Siginfo
	binary.LittleEndian.PutUint32(kept[:], uint32(unix.SIGCONT))
	binary.LittleEndian.PutUint32(kept[16:], 4711) // who has sent it
	const mask = 1 << (carrier - 1)
	on(t, tr, func() error {
		if err := errors.Join(unix.Kill(int(k.Tid), unix.SIGTSTP), k.SetSigMask(mask)); err != nil {
			return err
		}
		presented, err := k.Present(k.Tid, kept)
		if err != nil || !presented {
			t.Fatalf("presented %v, %v", presented, err)
		}
		info, infoErr := k.Siginfo()
		blocked, maskErr := k.SigMask()
		if info != kept || blocked != mask {
			t.Errorf("it is about to take %v with %#x blocked", info, blocked)
		}
		if err := errors.Join(infoErr, maskErr, k.Cont(int(unix.SIGCONT))); err != nil {
			return err
		}
		if s, err := k.Wait(); err != nil || s.Kind != StopSignal || s.Signal != int(unix.SIGTSTP) {
			t.Errorf("afterwards it stops by %v, %v", s, err)
		}
		return k.Cont(0)
	})
}

// TestPresentToBusy leaves a task alone whose queue has the signal that would be used.
func TestPresentToBusy(t *testing.T) {
	tr, k := seed(t)
	on(t, tr, func() error {
		if err := unix.Tgkill(int(k.Tid), int(k.Tid), carrier); err != nil {
			return err
		}
		if presented, err := k.Present(k.Tid, Siginfo{}); err != nil || presented {
			t.Errorf("presented %v, %v", presented, err)
		}
		pending, err := k.PeekPending(false)
		if len(pending) != 1 {
			t.Errorf("%d signals wait", len(pending))
		}
		return err
	})
}

// TestUndoRestart takes back what the kernel does to registers when it restarts a call,
// and nothing else.
func TestUndoRestart(t *testing.T) {
	_, k := seed(t)
	m, err := OpenMemory(k.Tid)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	about := Regs{Rip: uint64(SeedInsn), Rax: unix.SYS_RESTART_SYSCALL, OrigRax: unix.SYS_FUTEX}
	r := about
	if !r.UndoRestart(m) || r.PC() != SeedInsn+2 || r.Result() != abi.RestartAgain || r.Nr() != unix.SYS_RESTART_SYSCALL {
		t.Errorf("about to restart: %#x, result %d of %d", r.Rip, r.Result(), r.Nr())
	}
	again := Regs{Rip: uint64(SeedInsn), Rax: unix.SYS_PAUSE, OrigRax: unix.SYS_PAUSE}
	if !again.UndoRestart(m) || again.PC() != SeedInsn+2 || again.Result() != abi.RestartHand || again.Nr() != unix.SYS_PAUSE {
		t.Errorf("about to pause again: %#x, result %d of %d", again.Rip, again.Result(), again.Nr())
	}
	faulted := Regs{Rip: uint64(SeedInsn), Rax: unix.SYS_FUTEX, OrigRax: noSyscall} // where it was about to wait
	if !faulted.UndoRestart(m) || faulted.PC() != SeedInsn+2 || faulted.Result() != abi.RestartSys || faulted.Nr() != unix.SYS_FUTEX {
		t.Errorf("about to wait again, interrupted: %#x, result %d of %d", faulted.Rip, faulted.Result(), faulted.Nr())
	}
	for _, other := range []Regs{{Rip: about.Rip + 2, Rax: about.Rax}, {Rip: about.Rip, Rax: unix.SYS_READ, OrigRax: noSyscall},
		{Rip: 8, Rax: about.Rax}, {Rip: about.Rip, Rax: unix.SYS_READ, OrigRax: unix.SYS_READ}} {
		r := other
		if r.UndoRestart(m) || r != other {
			t.Errorf("%#x with %d is taken for a restart", other.Rip, other.Rax)
		}
	}
}

// TestMaskAt has a task that is in a call, or on its way to it, block what the call blocks, and
// else what it blocks while it idles.
func TestMaskAt(t *testing.T) {
	const inCall, idle = 5, 3
	tr, k := seed(t)
	slot := loopIn(t, tr, k)
	slot.Masks(inCall, idle)
	insn := uint64(slot.loop.Insn())
	at := func(rip, want uint64) {
		t.Helper()
		if mask := slot.MaskAt(&Regs{Rip: rip}); mask != want {
			t.Errorf("at %#x of %#x: %#x is blocked, want %#x", rip, insn, mask, want)
		}
	}
	at(insn, idle)
	slot.Start(unix.SYS_PAUSE, [6]uint64{})
	at(uint64(slot.loop.Window), inCall)
	at(insn, inCall)
	at(insn+2, inCall)
	at(insn+3, idle)
}

func TestKilledTaskEndsWait(t *testing.T) {
	tr, k := seed(t)
	var slot *Slot
	k.Handler = func(_ *Task, s Stop) {
		if s.Ended() {
			slot.Kill()
		}
	}
	slot = loopIn(t, tr, k)
	slot.Start(unix.SYS_PAUSE, [6]uint64{})
	unix.Kill(int(k.Tid), unix.SIGKILL)
	if _, _, err := slot.Wait(5 * time.Second); err != ErrGone {
		t.Fatalf("wait for a killed task: %v", err)
	}
}

// TestKilledLeaderWithThreads kills a process of several tasks in the middle of calls
// that are injected into its leader: whether they meet its exit or not, they end.
func TestKilledLeaderWithThreads(t *testing.T) {
	const options = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD
	for _, more := range []int{0, unix.PTRACE_O_TRACEEXIT} {
		tr, k := seed(t)
		k.Handler = func(k *Task, s Stop) {
			if !s.Ended() {
				k.Cont(0)
			}
		}
		on(t, tr, func() error { return k.SetOptions(options | unix.PTRACE_O_TRACECLONE) })
		on(t, tr, func() error {
			in, err := k.Injector(SeedInsn)
			for range 3 {
				if err == nil {
					_, _, err = in.Clone(unix.SYS_CLONE, abi.ThreadFlags)
				}
			}
			if err != nil {
				return err
			}
			return errors.Join(in.End(), k.SetOptions(options|more))
		})
		over := make(chan error, 1)
		tr.Post(func() {
			in, err := k.Injector(SeedInsn)
			for i := 0; err == nil; i++ {
				if i == 10 {
					go unix.Kill(int(k.Tid), unix.SIGKILL)
				}
				_, err = in.Call(unix.SYS_GETPID)
			}
			over <- err
		})
		select {
		case err := <-over:
			if !errors.Is(err, ErrGone) {
				t.Errorf("options %#x: %v", more, err)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("options %#x: the call does not end", more)
		}
	}
}

// TestEnd ends a process that is stopped, and one that somebody has killed and that
// stands in its exit.
func TestEnd(t *testing.T) {
	for _, killed := range []bool{false, true} {
		tr, k := seed(t)
		over := make(chan error, 1)
		tr.Post(func() {
			err := k.SetOptions(unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACEEXIT)
			if killed {
				unix.Kill(int(k.Tid), unix.SIGKILL)
				if s, _ := k.Wait(); !k.leaving {
					err = errors.Join(err, fmt.Errorf("killed, it stands in %v", s))
				}
			}
			k.End()
			over <- err
		})
		select {
		case err := <-over:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("killed before %v: it does not end", killed)
		}
	}
}

// Memory is there as long as any thread is, also when the first one has ended.
func TestMemoryWithoutLeader(t *testing.T) {
	tr, k := seed(t)
	var m *Memory
	on(t, tr, func() (err error) {
		if m, err = OpenMemory(k.Tid); err != nil {
			return err
		}
		if err := k.SetOptions(unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE); err != nil {
			return err
		}
		in, err := k.Injector(SeedInsn)
		if err != nil {
			return err
		}
		if _, _, err := in.Clone(unix.SYS_CLONE, abi.ThreadFlags); err != nil {
			return err
		}
		in.Regs().SetResult(0)
		in.Regs().Rip, in.Regs().Rax, in.Regs().Rdi = uint64(SeedInsn), unix.SYS_EXIT, 0
		return errors.Join(in.End(), k.Cont(0))
	})
	defer m.Close()
	until := time.Now().Add(5 * time.Second)
	for areas, err := ReadAreasQuick(k.Tid); err != nil || len(areas) > 0; areas, err = ReadAreasQuick(k.Tid) {
		if time.Now().After(until) {
			t.Fatal("the first thread does not end")
		}
	}
	var code [2]byte
	if _, err := m.ReadAt(code[:], SeedInsn); err != nil || code != [2]byte{0x0f, 0x05} {
		t.Errorf("read % x, %v", code, err)
	}
	if n := m.Accessible(SeedInsn, 2, false); n != 2 {
		t.Errorf("%d bytes are accessible", n)
	}
}

func TestAccessible(t *testing.T) {
	tr, k := seed(t)
	loopIn(t, tr, k)
	m, err := OpenMemory(k.Tid)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, c := range []struct {
		at    abi.Addr
		n     uint64
		write bool
		want  uint64
	}{
		{seedStart, 10, false, 10}, {seedStart, 10, true, 0}, {seedStart + 4000, 200, false, 96},
		{0, 8, false, 0}, {abi.TaskSize, 8, false, 0}, {^abi.Addr(0), 8, false, 0},
		{windowPlaces[0] + slotsStart - 8, 16, true, 0}, {windowPlaces[0] + slotsStart - 8, 16, false, 16},
	} {
		if got := m.Accessible(c.at, c.n, c.write); got != c.want {
			t.Errorf("%d bytes at %#x (write %v): %d accessible, want %d", c.n, uint64(c.at), c.write, got, c.want)
		}
	}
}

func BenchmarkLoopCall(b *testing.B) {
	tr, err := New()
	if err != nil {
		b.Fatal(err)
	}
	defer tr.Close()
	t := &testing.T{}
	var k *Task
	tr.Do(func() {
		pid, _ := StartSeed("mosix-test", nil)
		k, _ = tr.Seize(pid, unix.PTRACE_O_EXITKILL|unix.PTRACE_O_TRACESYSGOOD)
		k.Stop()
	})
	slot := loopIn(t, tr, k)
	for b.Loop() {
		slot.Call(unix.SYS_GETPID)
	}
}
