package deputy

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// spawn makes a thread of the body for one that the guest is about to make, and gives
// its number. What the program wants done with memory happens at the guest. On the
// link's thread.
func (t *task) spawn() (tid int64) {
	err := t.b.on(func() error {
		child, errno, err := t.clone()
		if child != nil {
			tid = int64(child.tid)
		} else {
			tid = errno
		}
		return err
	})
	if err != nil {
		t.b.d.log.Error().Int("pid", int(t.b.pid)).Int("tid", int(t.tid)).Err(err).Msg("no thread made")
		return -int64(unix.EAGAIN)
	}
	return tid
}

// clone makes a task that idles in a slot of its own. On the tracer's thread.
func (t *task) clone() (child *task, errno int64, err error) {
	b := t.b
	slot, err := b.freeSlot()
	if err != nil {
		b.awaitExits()
		if slot, err = b.freeSlot(); err != nil {
			return nil, 0, err
		}
	}
	if err := t.stop(); err != nil {
		return nil, 0, err
	}
	// The new task begins with these options: its end must not wait for us.
	if err := errors.Join(t.k.SetOptions(bodyOptions|unix.PTRACE_O_TRACECLONE), t.beginSession()); err != nil {
		return nil, 0, err
	}
	k, ret, err := t.in.Clone(unix.SYS_CLONE, abi.ThreadFlags)
	err = errors.Join(err, t.endSession(), t.k.SetOptions(t.options()), t.passOver())
	t.relayDeferred()
	if err != nil || k == nil {
		return nil, ret, err
	}
	child = &task{b: b, tid: abi.HomePid(k.Tid), k: k, slot: slot}
	k.Handler, k.Stops = child.onStop, child.stopsAtOnce
	b.add(child)
	return child, 0, child.idle()
}

// idle lets a new task idle in its slot.
func (t *task) idle() error {
	if err := errors.Join(t.k.SetOptions(t.options()), t.beginSession()); err != nil {
		return err
	}
	t.slot.Reset()
	t.slot.Enter(t.in.Regs())
	*t.in.Mask() = t.b.openMask
	if err := t.endSession(); err != nil {
		return err
	}
	t.slot.Masks(t.b.openMask, t.b.openMask)
	return t.goOn()
}

// prune ends the tasks of the body that have none in the image: the guest was stopped
// before it could make them, and makes them anew. On the tracer's thread.
func (b *body) prune(img *image.Image) {
	wanted := map[abi.HomePid]bool{}
	for i := range img.Tasks {
		wanted[img.Tasks[i].Tid] = true
	}
	for _, t := range b.tasks {
		if !wanted[t.tid] && !t.exiting && !t.slot.Busy() {
			t.exiting = true
			t.slot.Start(unix.SYS_EXIT, [6]uint64{})
		}
	}
	b.awaitExits()
}

// toSelf makes a signal that the program sends to its own process arrive by the task
// that sends it, so that it is relayed before the call ends: if nobody else is open
// to it, the sender takes it before the call returns (man 2 kill). A signal that stays
// at home is for whoever reads it from a signalfd, on any thread.
func (c *call) toSelf() {
	b, args := c.b, &c.args
	if abi.HomePid(int32(args[0])) != b.pid || args[1] == 0 || b.openMask&(1<<(uint32(args[1])-1)) != 0 {
		return
	}
	tid := uint64(c.t.tid)
	switch c.nr {
	case unix.SYS_RT_SIGQUEUEINFO:
		c.nr, c.args, c.shared = unix.SYS_RT_TGSIGQUEUEINFO, [6]uint64{args[0], tid, args[1], args[2]}, true
	case unix.SYS_KILL:
		uid, err := c.t.slot.Call(unix.SYS_GETUID)
		if err != nil {
			return
		}
		buffers, at := c.t.slot.Buffers()
		info := buffers[smallOffset:][:len(tracer.Siginfo{})]
		clear(info)
		binary.LittleEndian.PutUint32(info, uint32(args[1]))
		binary.LittleEndian.PutUint32(info[16:], uint32(b.pid))
		binary.LittleEndian.PutUint32(info[20:], uint32(uid))
		c.nr, c.args, c.shared = unix.SYS_RT_TGSIGQUEUEINFO, [6]uint64{args[0], tid, args[1], uint64(at) + smallOffset}, true
	}
}

// isShared tells whether the task just sends a signal to its own process.
func (c *call) isShared() bool { return c != nil && c.shared && !c.done }

// threaded tells whether the process has more than one task.
func (b *body) threaded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.tasks) > 1
}
