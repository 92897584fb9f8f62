package deputy

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/snapshot"
)

// closedMask blocks every signal while the process is ours; bit n-1 is signal n.
const closedMask = ^uint64(0)

// options of a body. EXITKILL comes only when the process is about to be changed.
const (
	seizeOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEEXEC
	bodyOptions  = seizeOptions | unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACEEXIT
)

// stopLimit bounds how long a process may take to stop for a move.
const stopLimit = 2 * time.Second

// pinnedError says why a process must stay at home for now.
type pinnedError struct{ reason string }

func (e *pinnedError) Error() string { return "pinned: " + e.reason }

// park takes hold of the process where it is at home: its task stands still for
// the program and executes calls for us. On the tracer's thread.
func (b *body) park() error {
	switch b.now() {
	case lingering:
		b.set(parked)
		if err := b.hold(); err != nil {
			return err
		}
		b.takeWait()
		return b.drain()
	case ended:
		return tracer.ErrGone
	}
	if err := b.seize(); err != nil {
		return err
	}
	if err := b.enterLoop(); err != nil {
		return errors.Join(err, b.letGo())
	}
	b.set(parked)
	return nil
}

// seize attaches to the process and stops it.
func (b *body) seize() error {
	if n, err := taskCount(b.pid); err != nil {
		return fmt.Errorf("no process %d", b.pid)
	} else if n > 1 {
		return &pinnedError{fmt.Sprintf("it has %d threads", n)}
	}
	if b.task == nil {
		k, err := b.d.tracer.Seize(abi.LocalPid(b.pid), seizeOptions)
		if err != nil {
			return explainSeize(b.pid, err)
		}
		k.Handler = b.onStop
		b.task = k
	}
	if b.atExec {
		b.atExec = false
		return nil
	}
	b.slept = asleep(b.pid)
	stop, err := b.task.StopWithin(stopLimit)
	if !b.slept.stillIn(b.pid) {
		b.slept = sleep{}
	}
	if err == nil && stop.Kind == tracer.StopGroup {
		err = errors.New("it is stopped; continue it first")
	}
	if err != nil {
		return errors.Join(err, b.letGo())
	}
	return nil
}

func explainSeize(pid abi.HomePid, err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("process %d may not be traced: it is traced already, has other rights, or the machine forbids it (mosctl doctor)", pid)
	case errors.Is(err, tracer.ErrGone):
		return fmt.Errorf("no process %d", pid)
	}
	return err
}

func taskCount(pid abi.HomePid) (int, error) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return len(tasks), err
}

// letGo ends our hold of a process whose registers and memory are its own.
func (b *body) letGo() error {
	if b.task == nil {
		return nil
	}
	b.kept = append(b.kept, b.task.TakeDeferred()...)
	sig := 0
	if len(b.kept) > 0 {
		sig = b.kept[0].Signal()
		for _, info := range b.kept[1:] {
			unix.Kill(int(b.pid), unix.Signal(info.Signal()))
		}
		b.kept = nil
	}
	if b.early {
		// At home the program outlives its deputy.
		return errors.Join(b.task.SetOptions(seizeOptions), b.task.Cont(sig))
	}
	err := b.task.Detach(sig)
	b.task = nil
	if errors.Is(err, tracer.ErrGone) {
		return nil
	}
	return err
}

// enterLoop gives the stopped process its window and lets its task idle there.
func (b *body) enterLoop() (err error) {
	if b.mem, err = tracer.OpenMemory(abi.LocalPid(b.pid)); err != nil {
		return err
	}
	areas, err := tracer.ReadAreasQuick(abi.LocalPid(b.pid))
	if err != nil {
		return err
	}
	if err := snapshot.Settle(b.task, b.mem, areas); err != nil {
		return err
	}
	if b.insn, err = tracer.FindSyscallInsn(b.mem, areas); err != nil {
		return err
	}
	window, err := tracer.FindWindow(areas)
	if err != nil {
		return err
	}
	if err := b.task.SetOptions(bodyOptions); err != nil {
		return err
	}
	in, err := b.task.Injector(b.insn)
	if err != nil {
		return err
	}
	b.user = snapshot.State{Regs: *in.Regs(), Mask: *in.Mask()}
	if b.loop, err = tracer.NewLoop(abi.LocalPid(b.pid), b.mem, in, window); err != nil {
		return errors.Join(err, in.End())
	}
	if b.slot, err = b.loop.Slot(0); err != nil {
		return errors.Join(err, in.End())
	}
	b.slot.Enter(in.Regs())
	*in.Mask() = closedMask
	in.Use(b.loop.Insn())
	b.in = in
	b.noteInterrupted()
	b.kept = append(b.kept, b.task.TakeDeferred()...)
	return b.drain()
}

// drain takes the signals that are pending for the process off its queues, in
// order: they travel with it, and must not be seen here as well.
func (b *body) drain() error {
	for _, shared := range []bool{false, true} {
		pending, err := b.task.PeekPending(shared)
		if err != nil {
			return err
		}
		for range pending {
			if err := b.drainOne(); err != nil {
				return err
			}
		}
	}
	return nil
}

// drainOne is rt_sigtimedwait for any signal, without waiting.
func (b *body) drainOne() error {
	buffers, at := b.loop.Buffers()
	room := buffers[smallOffset : smallOffset+256]
	clear(room)
	for i := range 8 {
		room[i] = 0xff // the set: every signal; then a time limit of 0 and the siginfo
	}
	ret, err := b.in.Call(unix.SYS_RT_SIGTIMEDWAIT, uint64(at)+smallOffset, uint64(at)+smallOffset+32, uint64(at)+smallOffset+8, 8)
	if err != nil || ret <= 0 {
		return err
	}
	b.keep(room[32:160])
	return nil
}

// release gives a parked process back to the program, whose registers are in
// b.user. On the tracer's thread, in a session.
func (b *body) release() error {
	b.in.Use(b.insn)
	if err := b.requeue(b.in); err != nil {
		return err
	}
	if err := b.loop.Remove(b.in); err != nil {
		return fmt.Errorf("remove the window of process %d: %w", b.pid, err)
	}
	*b.in.Regs(), *b.in.Mask() = b.user.Regs, b.user.Mask
	if err := b.endSession(); err != nil {
		return err
	}
	b.loop.Close()
	b.mem.Close()
	b.loop, b.slot, b.mem, b.fences, b.cut = nil, nil, nil, nil, false
	b.set(native)
	return b.letGo()
}

// requeue puts the signals that were kept back into the process's own queues, in
// order. All signals are masked during an injection, so none is delivered yet.
func (b *body) requeue(in *tracer.Injector) error {
	buffers, at := b.loop.Buffers()
	for _, info := range b.kept {
		copy(buffers[smallOffset:], info[:])
		nr, args := queueCall(b.pid, &info, at+smallOffset)
		if ret, err := in.Call(nr, args...); err != nil || ret < 0 {
			return fmt.Errorf("requeue signal %d in process %d: %d, %w", info.Signal(), b.pid, ret, err)
		}
	}
	b.kept = nil
	return nil
}

// queueCall is the call by which a process queues a signal to itself, where the
// kernel accepts any siginfo (kernel/signal.c, do_rt_sigqueueinfo).
func queueCall(pid abi.HomePid, info *tracer.Siginfo, at abi.Addr) (nr uint64, args []uint64) {
	const siTkill = -6
	if info.Code() == siTkill {
		return unix.SYS_RT_TGSIGQUEUEINFO, []uint64{uint64(pid), uint64(pid), uint64(info.Signal()), uint64(at)}
	}
	return unix.SYS_RT_SIGQUEUEINFO, []uint64{uint64(pid), uint64(info.Signal()), uint64(at)}
}
