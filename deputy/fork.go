package deputy

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// fork makes a child of the body for one that the guest is about to make, and gives its
// number. The child is away from its birth on: what it is made of is copied at the guest.
// The answer leaves before anything else can be said about the child. On the link's thread.
func (c *call) fork() {
	t := c.t
	err := t.b.on(func() error {
		child, ret, err := t.forkBody(c)
		if err != nil {
			ret = -int64(unix.EAGAIN)
		}
		c.settle(ret)
		told := c.answer()
		t.relayDeferred()
		switch {
		case child == nil:
		case err != nil || !told: // its parent is gone, and nobody makes its guest
			return errors.Join(err, child.unmake())
		default:
			child.leader().relayDeferred()
			child.report()
		}
		return err
	})
	if err != nil && !errors.Is(err, tracer.ErrGone) {
		t.b.d.log.Error().Int("pid", int(t.b.pid)).Int("tid", int(t.tid)).Err(err).Msg("no process made")
	}
}

// settle notes the outcome of a call that was not made in the loop.
func (c *call) settle(ret int64) {
	c.ending.Lock()
	c.begun = true
	c.setOutcome(ret)
	c.ending.Unlock()
	c.t.setCall(c)
}

// mayChange tells whether the process may become another one, or two: not while its
// guest's image is on its way. On the tracer's thread.
func (b *body) mayChange() bool { return b.now() == away && !b.freezing }

// forkBody is fork on the tracer's thread.
func (t *task) forkBody(c *call) (*body, int64, error) {
	b := t.b
	if !b.mayChange() {
		return nil, restartNoIntr, nil
	}
	if err := t.stop(); err != nil {
		return nil, 0, err
	}
	if err := errors.Join(t.k.SetOptions(t.options()|unix.PTRACE_O_TRACEFORK|unix.PTRACE_O_TRACECLONE), t.beginSession()); err != nil {
		return nil, 0, err
	}
	if err := t.letFork(true); err != nil {
		return nil, 0, errors.Join(err, t.goOnForked())
	}
	k, ret, err := t.in.Clone(c.forkArgs())
	if err != nil || k == nil {
		return nil, ret, errors.Join(err, t.goOnForked())
	}
	child, err := t.adopt(k)
	if err != nil {
		k.End()
		return nil, 0, errors.Join(err, t.reap(abi.HomePid(k.Tid)), t.goOnForked())
	}
	return child, ret, t.goOnForked()
}

// goOnForked ends the session in which a child was made.
func (t *task) goOnForked() error {
	return errors.Join(t.endSession(), t.k.SetOptions(t.options()), t.passOver())
}

// forkArgs is the call that makes the child: by clone3 only what clone cannot do, for
// there are machines that forbid it.
func (c *call) forkArgs() (nr uint64, a, b, d uint64) {
	flags, pidfd := c.args[0], c.args[2]
	if flags&abi.CloneClear == 0 {
		return unix.SYS_CLONE, flags, 0, pidfd
	}
	const size = 64 // CLONE_ARGS_SIZE_VER0
	buffers, at := c.t.slot.Buffers()
	room := buffers[smallOffset:][:size]
	clear(room)
	put := func(i int, word uint64) { binary.LittleEndian.PutUint64(room[8*i:], word) }
	put(0, flags&^uint64(unix.CSIGNAL))
	put(1, pidfd)
	put(4, flags&unix.CSIGNAL)
	return unix.SYS_CLONE3, uint64(at) + smallOffset, size, 0
}

// adopt makes a body of the child that a task has just made.
func (t *task) adopt(k *tracer.Task) (*body, error) {
	b := t.b
	child := newBody(b.d, abi.HomePid(k.Tid))
	child.madeBy, child.insn, child.openMask, child.forkable, child.ready = t, b.insn, b.openMask, true, make(chan struct{})
	child.raised.Store(b.raised.Load())
	close(child.ready)
	b.mu.Lock()
	child.state, child.peer, child.inc = away, b.peer, b.inc
	b.mu.Unlock()
	if err := child.settleIn(k, b.loop); err != nil {
		child.closeMemory()
		return nil, fmt.Errorf("child %d of process %d: %w", k.Tid, b.pid, err)
	}
	b.d.mapped.inherit(b, child)
	b.d.mu.Lock()
	b.d.bodies[child.pid] = child
	b.d.mu.Unlock()
	return child, nil
}

// settleIn lets a new body idle in the window that it has inherited, or in one of its own
// if there is no more room.
func (b *body) settleIn(k *tracer.Task, parent *tracer.Loop) (err error) {
	t := b.leader()
	t.k, k.Handler, k.Stops = k, t.onStop, t.stopsAtOnce
	if b.mem, err = tracer.OpenMemory(k.Tid); err != nil {
		return err
	}
	b.loop = parent.Share()
	if t.slot, err = b.freeSlot(); err != nil {
		err = b.replaceWindow()
	}
	if err != nil {
		return err
	}
	return t.idle()
}

// replaceWindow gives a new body a window of its own in the place of its parent's.
func (b *body) replaceWindow() error {
	t, parent := b.leader(), b.loop
	in, err := t.k.Injector(b.insn)
	if err != nil {
		return err
	}
	parent.Close()
	b.forkable = false
	if b.loop, err = parent.Replace(t.k.Tid, b.mem, in); err != nil {
		return err
	}
	if err := in.End(); err != nil {
		return err
	}
	t.slot, err = b.loop.Slot(0)
	return err
}

// letFork has children of the process inherit its window, or not. In a session.
func (t *task) letFork(let bool) error {
	if t.b.forkable == let {
		return nil
	}
	err := t.b.loop.LetFork(t.in, let)
	if err == nil {
		t.b.forkable = let
	}
	return err
}

// unmake takes back a child that the guest could not make: nobody at home is to see that
// there was one. On the tracer's thread.
func (b *body) unmake() error {
	t, parent := b.leader(), b.madeBy
	b.fenced = true
	if b.leaving { // somebody has killed it already
		b.letEnd()
		return nil
	}
	if err := t.stop(); err != nil {
		return err
	}
	t.k.End()
	b.gone()
	if parent.stop() != nil {
		return nil // it is gone itself
	}
	err := parent.beginSession()
	err = errors.Join(err, parent.reap(b.pid), parent.endSession(), parent.passOver())
	parent.relayDeferred()
	return err
}

// reap has a task take note of a child that has ended, and takes its SIGCHLD. In a session,
// where all signals are masked.
func (t *task) reap(pid abi.HomePid) error {
	if ret, err := t.in.Call(unix.SYS_WAIT4, uint64(pid), 0, unix.WALL|unix.WNOHANG, 0); err != nil || ret != int64(pid) {
		return fmt.Errorf("reap child %d of process %d: %d, %w", pid, t.b.pid, ret, err)
	}
	info, ok, err := t.drainOne(1 << (unix.SIGCHLD - 1))
	if err != nil || !ok || abi.HomePid(binary.LittleEndian.Uint32(info[16:])) == pid {
		return err
	}
	return t.queue(&info, false)
}
