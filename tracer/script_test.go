package tracer

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// scripting is a stopped task that idles in its loop, and makes scripts there.
func scripting(t *testing.T, run func(k *Task, in *Injector) error) (*Task, *Slot) {
	t.Helper()
	tr, k := seed(t)
	slot := loopIn(t, tr, k)
	on(t, tr, func() error {
		if err := k.Stop(); err != nil {
			return err
		}
		in, err := k.Injector(slot.loop.Insn())
		if err != nil {
			return err
		}
		in.UseLoop(slot)
		return run(k, in)
	})
	return k, slot
}

// A script may be longer than what the window has room for, and goes on after a call that
// fails; its task is as it was.
func TestScript(t *testing.T) {
	calls := make([]Scripted, scriptMax+100)
	for i := range calls {
		calls[i] = Scripted{Nr: unix.SYS_CLOSE, Args: [6]uint64{1 << 20}, Ret: 1}
		if i%2 == 0 {
			calls[i] = Scripted{Nr: unix.SYS_ARCH_PRCTL, Args: [6]uint64{archGetCpuid}, Ret: 2}
		}
	}
	k, slot := scripting(t, func(k *Task, in *Injector) error {
		return errors.Join(in.Run(calls), in.Run(nil), in.End(), k.Cont(0))
	})
	for i, c := range calls {
		if want := [2]int64{1, -int64(unix.EBADF)}[i%2]; c.Ret != want {
			t.Fatalf("call %d returns %d, want %d", i, c.Ret, want)
		}
	}
	if pid, err := slot.Call(unix.SYS_GETPID); err != nil || abi.LocalPid(pid) != k.Tid {
		t.Errorf("getpid in the loop afterwards: %d, %v; want %d", pid, err, k.Tid)
	}
}

// archGetCpuid is an option of arch_prctl that returns 1 if nobody has forbidden cpuid.
const archGetCpuid = 0x1011

// A script goes on when its process is stopped, and ends with it.
func TestScriptIsStoppedAndKilled(t *testing.T) {
	scripting(t, func(k *Task, in *Injector) error {
		k.Stops = func(int) bool { return true }
		pid := uint64(k.Tid)
		calls := []Scripted{
			{Nr: unix.SYS_KILL, Args: [6]uint64{pid, uint64(unix.SIGSTOP)}},
			{Nr: unix.SYS_KILL, Args: [6]uint64{pid, uint64(unix.SIGSTOP)}}, {Nr: unix.SYS_GETPID},
		}
		if err := in.Run(calls); err != nil || calls[2].Ret != int64(pid) || !k.Stopped() {
			t.Errorf("stopped: %v, %+v, stopped %v", err, calls, k.Stopped())
		}
		calls[1].Args[1] = uint64(unix.SIGKILL)
		if err := in.Run(calls); !errors.Is(err, ErrGone) {
			t.Errorf("killed: %v, want %v", err, ErrGone)
		}
		return nil
	})
}
