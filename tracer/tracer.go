// Package tracer owns stopped processes: their stops, registers, memory and
// system calls executed in their name. It is the only package that speaks ptrace.
package tracer

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// ErrGone is returned for a task that no longer exists: it was killed, or
// another task of its process has exec'd or ended the process.
var ErrGone = errors.New("task is gone")

// Tracer owns one OS thread. Every ptrace request of its tasks is made on that
// thread, because the kernel accepts requests only from the thread that attached
// (man ptrace). The thread waits for stops; other goroutines reach it by Do and Post.
type Tracer struct {
	mu     sync.Mutex // guards queue and closed
	queue  []func()
	closed bool

	bell  *doorbell
	done  chan struct{}
	tasks map[abi.LocalPid]*Task // on the thread only

	// Idle, if set, runs on the thread before it waits for a stop. If it reports
	// true it has done some work, and is asked again before the thread waits.
	Idle func() bool
}

// New starts a tracer and its thread. From then on stops of children, traced or
// not, cause no SIGCHLD.
func New() (*Tracer, error) {
	if err := hush(); err != nil {
		return nil, err
	}
	t := &Tracer{done: make(chan struct{}), tasks: map[abi.LocalPid]*Task{}}
	started := make(chan error, 1)
	go t.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return t, nil
}

// run is the life of the thread. It never unlocks: the thread ends with it, and
// with the thread every task that was seized with PTRACE_O_EXITKILL.
func (t *Tracer) run(started chan<- error) {
	runtime.LockOSThread()
	defer close(t.done)
	bell, err := startDoorbell()
	if err != nil {
		started <- err
		return
	}
	t.bell = bell
	started <- nil
	for t.drain() {
		if t.Idle == nil || !t.Idle() {
			t.step()
		}
	}
	bell.stop()
}

// drain runs what was posted; it reports false when the tracer is closed.
func (t *Tracer) drain() bool {
	for {
		t.mu.Lock()
		work, closed := t.queue, t.closed
		t.queue = nil
		t.mu.Unlock()
		for _, f := range work {
			f()
		}
		if len(work) == 0 {
			return !closed
		}
	}
}

// step waits for one stop of any task and hands it on.
func (t *Tracer) step() {
	var status unix.WaitStatus
	tid, err := wait4(-1, &status, unix.WALL|unix.WNOTHREAD)
	if err != nil {
		panic(fmt.Sprintf("tracer: wait4 with a doorbell alive: %v", err))
	}
	t.dispatch(abi.LocalPid(tid), decodeStop(status))
}

// Poll handles stops that are there already, without waiting. It reports whether
// there was one.
func (t *Tracer) Poll() bool {
	var status unix.WaitStatus
	tid, err := wait4(-1, &status, unix.WALL|unix.WNOTHREAD|unix.WNOHANG)
	if err != nil || tid == 0 {
		return false
	}
	t.dispatch(abi.LocalPid(tid), decodeStop(status))
	return true
}

func (t *Tracer) dispatch(tid abi.LocalPid, s Stop) {
	if tid == t.bell.pid {
		t.bell.answer(s)
		return
	}
	switch k := t.tasks[tid]; {
	case k != nil:
		k.arrive(s)
	case !s.Ended():
		// A new task is attached by the kernel, and the one that made it, in whose stop
		// its number is told, has been killed before (man ptrace, PTRACE_O_TRACECLONE).
		unix.Kill(int(tid), unix.SIGKILL)
		_ = ptrace(unix.PTRACE_CONT, tid, 0, 0) // also out of the stop of its exit
	}
}

// Post queues f for the thread and wakes it. f runs between two stops.
func (t *Tracer) Post(f func()) {
	t.mu.Lock()
	first := len(t.queue) == 0
	t.queue = append(t.queue, f)
	t.mu.Unlock()
	if first {
		t.bell.ring()
	}
}

// Do runs f on the thread and waits until it has returned. It must not be called
// on the thread itself.
func (t *Tracer) Do(f func()) {
	ran := make(chan struct{})
	t.Post(func() { defer close(ran); f() })
	select {
	case <-ran:
	case <-t.done:
	}
}

// Close ends the thread; tasks seized with PTRACE_O_EXITKILL die with it.
func (t *Tracer) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.bell.ring()
	<-t.done
}

// Seize attaches to a running task (PTRACE_SEIZE) with the given PTRACE_O_* options.
//
// A task that execs makes Seize wait until the other tasks of its process are gone, and
// those that are ours are gone only when somebody has waited for them (man ptrace, "the
// tracer may be blocked"); so others wait for them meanwhile.
func (t *Tracer) Seize(tid abi.LocalPid, options int) (*Task, error) {
	stop := t.reapMeanwhile(nil)
	err := seize(tid, options)
	stop()
	if err != nil {
		return nil, fmt.Errorf("seize %d: %w", tid, err)
	}
	return t.Adopt(tid), nil
}

// reapPause is how long a request may take before tasks are reaped on another thread.
const reapPause = 20 * time.Millisecond

// reapMeanwhile reaps our tasks that have ended, but for one, on other threads of this
// program, if the tracer's thread is kept for long in what it does next. It must call
// stop then; handlers hear of the ends later.
func (t *Tracer) reapMeanwhile(but *Task) (stop func()) {
	others := len(t.tasks)
	if but != nil {
		others--
	}
	if others == 0 {
		return func() {}
	}
	over, result := make(chan struct{}), make(chan []*Task, 1)
	late := time.AfterFunc(reapPause, func() { result <- t.reapUntil(over, but) })
	return func() {
		if late.Stop() {
			return
		}
		close(over)
		for _, k := range <-result {
			k.finishWaited(Stop{Kind: StopKilled, Signal: int(unix.SIGKILL)})
		}
	}
}

// reapUntil reaps tasks until it is told to end. The tracer's thread is busy meanwhile:
// nobody changes its tasks.
func (t *Tracer) reapUntil(over <-chan struct{}, but *Task) (gone []*Task) {
	left := maps.Clone(t.tasks)
	for {
		for tid, k := range left {
			if k != but && reap(tid) {
				gone = append(gone, k)
				delete(left, tid)
			}
		}
		select {
		case <-over:
			return gone
		case <-time.After(reapPause):
		}
	}
}

// reap waits for a task if it has ended. A tracer is told of stops whatever it asks for
// (kernel/exit.c, wait_task_stopped); those are not for us to take.
func reap(tid abi.LocalPid) bool {
	const trapped = 4 // CLD_TRAPPED; the codes of an end are below (man waitid)
	var info unix.Siginfo
	ended := func(options int) bool {
		err := unix.Waitid(unix.P_PID, int(tid), &info, options|unix.WEXITED|unix.WNOHANG|unix.WALL, nil)
		return err == nil && info.Signo != 0 && info.Code < trapped
	}
	return ended(unix.WNOWAIT) && ended(0)
}

// Adopt registers a task that the kernel attached by itself: the child of a task
// that is traced with PTRACE_O_TRACEFORK, TRACEVFORK or TRACECLONE.
func (t *Tracer) Adopt(tid abi.LocalPid) *Task {
	k := &Task{Tid: tid, tracer: t}
	t.tasks[tid] = k
	return k
}

// Task is the registered task of that number, or nil.
func (t *Tracer) Task(tid abi.LocalPid) *Task { return t.tasks[tid] }

// wait4 waits and takes no notice of signals to this program.
func wait4(pid int, status *unix.WaitStatus, options int) (int, error) {
	for {
		tid, err := unix.Wait4(pid, status, options, nil)
		if err != unix.EINTR {
			return tid, err
		}
	}
}
