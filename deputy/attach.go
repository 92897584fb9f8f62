package deputy

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/snapshot"
)

// closedMask blocks every signal while the process is ours; bit n-1 is signal n.
const closedMask = ^uint64(0)

// Options of a body. EXITKILL comes only when the process is about to be changed.
const (
	seizeOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEEXEC
	bodyOptions  = seizeOptions | unix.PTRACE_O_EXITKILL
)

// options are those of a task of a body. While the leader stands in its exit, nobody sees
// the end of the process; other tasks need not stand there, too.
func (t *task) options() int {
	if t == t.b.leader() {
		return bodyOptions | unix.PTRACE_O_TRACEEXIT
	}
	return bodyOptions
}

// stopLimit bounds how long a process may take to stop for a move.
const stopLimit = 2 * time.Second

// pinnedError says why a process must stay at home for now.
type pinnedError struct{ reason string }

func (e *pinnedError) Error() string { return "pinned: " + e.reason }

// park takes hold of the process where it is at home: its tasks stand still for
// the program and execute calls for us. On the tracer's thread.
func (b *body) park() error {
	if b.now() == ended {
		return tracer.ErrGone
	}
	fresh, err := b.seize()
	if err != nil {
		return errors.Join(err, letGo(fresh))
	}
	if err := b.enterLoop(fresh); err != nil {
		return errors.Join(err, b.backOut(fresh))
	}
	b.set(parked)
	if err := b.joinLingering(); err != nil {
		return err
	}
	for _, t := range b.tasks {
		if err := t.drain(false); err != nil {
			return err
		}
	}
	return b.leader().drain(true)
}

// seize attaches to the tasks of the process that are not ours already, and stops
// them. It returns those.
func (b *body) seize() (fresh []*task, err error) {
	for _, t := range b.tasks[1:] {
		if t.k == nil || taskEnding(b.pid, t.tid) { // of an earlier stay, or of an earlier program
			b.remove(t)
		}
	}
	for {
		more, err := b.seizeMore(fresh)
		fresh = append(fresh, more...)
		if err != nil {
			return fresh, err
		}
		if len(more) == 0 {
			break
		}
		if err := stopAll(more); err != nil {
			return fresh, err
		}
	}
	return slices.DeleteFunc(fresh, func(t *task) bool {
		_, over := t.k.Ended()
		if over {
			b.remove(t)
		}
		return over
	}), nil
}

// seizeMore attaches to tasks that are neither lingering nor among those that we
// have. A task that stands still makes no more.
func (b *body) seizeMore(have []*task) (more []*task, err error) {
	tids, err := taskIDs(b.pid)
	if err != nil {
		return nil, fmt.Errorf("no process %d", b.pid)
	}
	if len(tids) > tracer.MaxSlots {
		return nil, &pinnedError{fmt.Sprintf("it has %d threads", len(tids))}
	}
	for _, tid := range tids {
		t := b.task(tid)
		switch {
		case t == nil:
			t = &task{b: b, tid: tid}
			b.add(t)
		case t.lingering || slices.Contains(have, t):
			continue
		}
		switch err := t.seize(); {
		case errors.Is(err, errPassing):
			b.remove(t)
		case err != nil:
			return more, err
		default:
			more = append(more, t)
		}
	}
	return more, nil
}

// errPassing says that a task has ended, or is just about to.
var errPassing = errors.New("the task is ending")

// seize attaches to the task and asks it to stop.
func (t *task) seize() error {
	b := t.b
	if t.k == nil {
		k, err := b.d.tracer.Seize(abi.LocalPid(t.tid), seizeOptions)
		if err != nil && taskEnding(b.pid, t.tid) {
			if t == b.leader() && !snapshot.Ending(abi.LocalPid(b.pid)) {
				return &pinnedError{"its first thread has ended"}
			}
			err = errPassing
		}
		if err != nil {
			return explainSeize(b.pid, err)
		}
		k.Handler, k.Stops = t.onStop, t.stopsAtOnce
		t.k = k
	}
	t.slept = b.d.schedulers.asleep(t.tid)
	if t.stands {
		return nil
	}
	return t.k.Interrupt()
}

// errStopped refuses to move a process.
var errStopped = errors.New("it is stopped; continue it first")

// stopAll waits until tasks that were asked to stop have stopped.
func stopAll(tasks []*task) error {
	until := time.Now().Add(stopLimit)
	for _, t := range tasks {
		if t.stands {
			t.stands = false
			continue
		}
		stop, err := t.k.AwaitStop(until)
		if !t.slept.stillIn(t.tid) {
			t.slept = sleep{}
		}
		switch {
		case err == tracer.ErrGone && t != t.b.leader():
			continue // it is removed when its end is told
		case err != nil:
			return err
		case stop.Kind == tracer.StopGroup:
			return errStopped
		}
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

// taskIDs are the tasks of a process, the leader first.
func taskIDs(pid abi.HomePid) (tids []abi.HomePid, err error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			tids = append(tids, abi.HomePid(tid))
		}
	}
	slices.SortFunc(tids, func(a, b abi.HomePid) int {
		switch {
		case a == pid:
			return -1
		case b == pid:
			return 1
		}
		return cmp.Compare(a, b)
	})
	return tids, err
}

// taskEnding tells whether a task is a zombie or no more.
func taskEnding(pid, tid abi.HomePid) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stat", pid, tid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

// letGo ends our hold of tasks whose registers and memory are their own.
func letGo(tasks []*task) (failed error) {
	for _, t := range tasks {
		failed = errors.Join(failed, t.letGo())
	}
	return failed
}

// enterLoop gives the stopped process its window, if it has none yet, and lets tasks
// idle there.
func (b *body) enterLoop(fresh []*task) (err error) {
	if b.mem == nil {
		if b.mem, err = tracer.OpenMemory(abi.LocalPid(b.pid)); err != nil {
			return err
		}
	}
	areas, err := tracer.ReadAreasQuick(abi.LocalPid(b.pid))
	if err != nil {
		return err
	}
	for _, t := range fresh {
		if err := snapshot.Settle(t.k, b.mem, areas); err != nil {
			return err
		}
	}
	insn, err := tracer.FindSyscallInsn(b.mem, areas)
	if err != nil {
		return err
	}
	b.insn = insn
	for _, t := range fresh {
		if t.k.Dispatches() { // ours, too
			return &pinnedError{"dispatches its own system calls (PR_SET_SYSCALL_USER_DISPATCH)"}
		}
		if err := t.k.SetOptions(t.options()); err != nil {
			return err
		}
		if t.in, err = t.k.Injector(b.insn); err != nil {
			return err
		}
		t.user = snapshot.State{Regs: *t.in.Regs(), Mask: *t.in.Mask()}
	}
	if b.loop == nil {
		if err := b.makeWindow(areas); err != nil {
			return err
		}
	}
	unnoticed := b.unnoticed()
	for _, t := range fresh {
		if t.slot, err = b.freeSlot(); err != nil {
			return err
		}
		t.slot.Reset()
		t.slot.Enter(t.in.Regs())
		*t.in.Mask() = closedMask
		t.in.UseLoop(t.slot)
		t.takeDeferred()
		if err := t.noteInterrupted(unnoticed); err != nil {
			return err
		}
	}
	return nil
}

// fewSlots is for how many tasks there is room at least, children among them, which share
// the window as long as there is.
const fewSlots = 16

// makeWindow makes a window with room for the tasks there are and for those that the
// program may make while it is away.
func (b *body) makeWindow(areas []tracer.Area) error {
	slots := len(b.tasks)
	if roomy(b.pid) {
		slots = min(max(2*slots, fewSlots), tracer.MaxSlots)
	}
	window, err := tracer.FindWindow(areas, slots)
	if err != nil {
		return err
	}
	defer b.liftMemory()()
	b.loop, err = tracer.NewLoop(abi.LocalPid(b.pid), b.mem, b.leader().in, window, slots)
	return err
}

// roomy tells whether a process may have address space that it does not use: it is not
// limited, and is not locked into memory when it is mapped.
func roomy(pid abi.HomePid) bool {
	var space unix.Rlimit
	if err := unix.Prlimit(int(pid), unix.RLIMIT_AS, nil, &space); err != nil || space.Cur != unix.RLIM_INFINITY {
		return false
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && strings.Contains(string(raw), "\nVmLck:\t       0 kB\n")
}

// freeSlot is a slot of the window that no task has, of this process or of those that it
// shares the window with.
func (b *body) freeSlot() (*tracer.Slot, error) {
	used := make([]bool, b.loop.Slots)
	for _, other := range append(b.d.all(), b) {
		if other.loop != b.loop {
			continue
		}
		for _, t := range other.tasks {
			if t.slot != nil {
				used[t.slot.Number()] = true
			}
		}
	}
	n := slices.Index(used, false)
	if n < 0 {
		return nil, errors.New("calls of its last stay away are still under way")
	}
	return b.loop.Slot(n)
}

// backOut lets tasks go on that could not enter the loop.
func (b *body) backOut(fresh []*task) (failed error) {
	if b.loop != nil && b.now() == native {
		failed = b.leader().removeWindow()
	}
	for _, t := range fresh {
		if t.in != nil {
			failed = errors.Join(failed, t.leave())
		}
	}
	if b.loop == nil {
		b.closeMemory()
	}
	return errors.Join(failed, letGo(fresh))
}

// joinLingering holds the tasks that have been in the loop all the time. From the first one
// that cannot be held on they linger as before.
func (b *body) joinLingering() error {
	stopped := false
	for _, t := range b.tasks {
		if !t.lingering {
			continue
		}
		if err := t.hold(); err != nil {
			return err
		}
		b.mu.Lock()
		t.lingering = false
		b.mu.Unlock()
		t.takeWait()
		stopped = stopped || t.k.Stopped()
	}
	if stopped {
		return errStopped
	}
	return nil
}

// leave gives a stopped task back its registers and mask.
func (t *task) leave() error {
	*t.in.Regs(), *t.in.Mask() = t.user.Regs, t.user.Mask
	if t.slot != nil && t.b.loop != nil { // else the loop's own end has woken them
		t.slot.Kill() // somebody may wait there for a call that was handed over
	}
	t.slot, t.fences, t.swept, t.cut = nil, nil, false, false
	return t.endSession()
}

// removeWindow unmaps the window; no task is in the loop any more. In a session.
func (t *task) removeWindow() error {
	b := t.b
	t.in.Use(b.insn)
	if err := b.loop.Remove(t.in); err != nil {
		return fmt.Errorf("remove the window of process %d: %w", b.pid, err)
	}
	b.closeMemory()
	return nil
}
