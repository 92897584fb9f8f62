package remote

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/remote/cage"
	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/wire"
)

// Flags of a thread that tell the kernel what to do with memory of the program, and
// those that have no meaning any more.
const (
	memoryFlags = unix.CLONE_SETTLS | unix.CLONE_PARENT_SETTID | unix.CLONE_CHILD_SETTID | unix.CLONE_CHILD_CLEARTID
	emptyFlags  = unix.CLONE_DETACHED
)

// birth is a thread or a process that a task is about to make: struct clone_args (man
// clone3), as far as it is of use, and its slot.
type birth struct {
	flags, pidfd, signal, parentTid, childTid, stack, tls uint64
	slot                                                  *tracer.Slot // nil for a process with memory of its own
}

// isThread tells whether it is an ordinary thread.
func (b *birth) isThread() bool {
	return b.flags&^(memoryFlags|emptyFlags) == abi.ThreadFlags && b.stack != 0 && b.signal == 0
}

// clone begins to make what the program asks for: its number comes from home, where the
// body makes one, too. What cannot be made here is made at home.
func (t *task) clone(nr uint64, args [6]uint64) {
	b, ok := t.birthArgs(nr, args)
	switch {
	case ok && b.flags&unix.CLONE_VM == 0 && t.g.sharesMemory():
		t.askHome("it starts a process that shares memory with it")
		return
	case !ok || !b.isThread() && !t.forks(b):
		t.askHome("it starts a process in a way that is known at home only")
		return
	case b.flags&unix.CLONE_VM != 0:
		if b.slot = t.g.freeSlot(); b.slot == nil {
			t.askHome("it starts more threads than there is room for")
			return
		}
	}
	t.birth = b
	t.call = b.call()
	t.state, t.row = waiting, nil
	seq, err := t.g.x.link.SendNumbered(t.header(wire.TypeCall), &wire.Call{Call: t.call})
	if err != nil {
		t.g.x.end(err)
	}
	t.seq = seq
}

// birthArgs reads the arguments of the calls that make tasks.
func (t *task) birthArgs(nr uint64, args [6]uint64) (b *birth, ok bool) {
	switch nr {
	case unix.SYS_FORK:
		return &birth{signal: uint64(unix.SIGCHLD)}, true
	case unix.SYS_VFORK:
		return &birth{flags: unix.CLONE_VM | unix.CLONE_VFORK, signal: uint64(unix.SIGCHLD)}, true
	case unix.SYS_CLONE:
		b = &birth{flags: uint64(uint32(args[0])) &^ unix.CSIGNAL, signal: args[0] & unix.CSIGNAL,
			stack: args[1], parentTid: args[2], childTid: args[3], tls: args[4]}
		if b.flags&unix.CLONE_PIDFD != 0 {
			b.pidfd = b.parentTid
		}
		return b, b.flags&unix.CLONE_PIDFD == 0 || b.flags&unix.CLONE_PARENT_SETTID == 0
	case unix.SYS_CLONE3:
		const tlsEnd, all = 64, 88 // up to CLONE_ARGS_SIZE_VER0, and what is known
		raw := make([]byte, all)
		size := min(args[1], all)
		if args[1] > all || size < tlsEnd {
			return nil, false
		}
		if _, err := t.g.mem.ReadAt(raw[:size], abi.Addr(args[0])); err != nil {
			return nil, false
		}
		word := func(i int) uint64 { return binary.LittleEndian.Uint64(raw[8*i:]) }
		b = &birth{flags: word(0), pidfd: word(1), childTid: word(2), parentTid: word(3), signal: word(4), tls: word(7)}
		if word(5) != 0 {
			b.stack = word(5) + word(6)
		}
		known := b.flags&unix.CSIGNAL == 0 && b.signal <= unix.CSIGNAL && (word(5) != 0) == (word(6) != 0)
		return b, known && slices.Max(raw[64:]) == 0 // set_tid, cgroup
	}
	return nil, false
}

// freeSlot is a slot of the window that no task has, of this process or of those that it
// shares the window with; nil if there is none.
func (g *guest) freeSlot() *tracer.Slot {
	used := make([]bool, g.loop.Slots)
	take := func(s *tracer.Slot) {
		if s != nil {
			used[s.Number()] = true
		}
	}
	for _, other := range g.x.guests {
		if other.loop != g.loop {
			continue
		}
		for _, t := range other.tasks {
			if take(t.slot); t.birth != nil {
				take(t.birth.slot)
			}
		}
	}
	n := slices.Index(used, false)
	if n < 0 {
		return nil
	}
	slot, err := g.loop.Slot(n)
	if err != nil {
		panic(fmt.Sprintf("remote: slot %d of %d: %v", n, g.loop.Slots, err))
	}
	return slot
}

// bear makes the thread or the process that the body has now.
func (t *task) bear(ret int64) {
	b := t.birth
	t.birth = nil
	bear := t.bearProcess
	if b.isThread() {
		bear = t.bearThread
	}
	err := bear(b, abi.HomePid(ret))
	if err == nil {
		return
	}
	t.g.x.log.Warn().Int("pid", int(t.g.pid)).Int64("tid", ret).Err(err).Msg("neither thread nor process made")
	h := t.header(wire.TypeExit)
	h.Tid = abi.HomePid(ret)
	if !b.isThread() {
		h.Pid = h.Tid
	}
	t.g.x.send(h, &wire.Exit{Unmade: !b.isThread()})
	t.mustGoHome("it starts what cannot be made away from home")
}

func (t *task) bearThread(b *birth, tid abi.HomePid) error {
	child, err := t.make(b, tid)
	if err != nil {
		return err
	}
	child.cont(0)
	t.finish(int64(tid))
	return nil
}

// make has the task clone itself as the program has asked, into a thread with that
// number. The thread stands where the program expects it.
func (t *task) make(b *birth, tid abi.HomePid) (*task, error) {
	if err := t.leaveTrap(); err != nil {
		return nil, err
	}
	in, err := t.k.Injector(t.g.loop.Insn())
	if err != nil {
		return nil, err
	}
	child := &task{g: t.g, tid: tid, slot: b.slot, cpus: t.cpus, unnumbered: t.unnumbered}
	buffers, at := b.slot.Buffers()
	thread := cage.Thread{Tid: tid, Flags: b.flags &^ emptyFlags, ParentTid: b.parentTid, ChildTid: b.childTid, TLS: b.tls}
	k, err := t.g.x.cage.SpawnTask(in, thread, at, buffers)
	if err != nil {
		return nil, errors.Join(err, in.End())
	}
	child.k = k
	k.Handler = child.onStop
	t.g.tasks = append(t.g.tasks, child)
	mask := *in.Mask()
	if err := in.End(); err != nil {
		return nil, err
	}
	return child, child.stand(t.regs, b.stack, mask)
}

// stand puts a new task behind the call of the program that made it; without a stack of
// its own it goes on with a copy, or with that of the task that made it.
func (t *task) stand(parent tracer.Regs, stack, mask uint64) error {
	in, err := t.k.Injector(t.g.loop.Insn())
	if err != nil {
		return err
	}
	own := in.Regs().FsBase
	r := parent
	r.Skip(0)
	r.FsBase = own
	if stack != 0 {
		r.Rsp = stack
	}
	*in.Regs(), *in.Mask() = r, mask
	return in.End()
}
