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

// birth is a thread that a task is about to make: struct clone_args (man clone3), as
// far as it is of use, and its slot.
type birth struct {
	flags, parentTid, childTid, stack, tls uint64
	slot                                   *tracer.Slot
}

// clone begins to make what the program asks for: a thread is made here, everything
// else at home.
func (t *task) clone(nr uint64, args [6]uint64) {
	b, ok := t.threadArgs(nr, args)
	if !ok {
		t.askHome("it starts a process")
		return
	}
	if b.slot = t.g.freeSlot(); b.slot == nil {
		t.askHome("it starts more threads than there is room for")
		return
	}
	t.birth = b
	t.call = abi.Call{Nr: unix.SYS_CLONE, Args: [6]uint64{b.flags}}
	t.state, t.row = waiting, nil
	seq, err := t.g.x.link.SendNumbered(t.header(wire.TypeCall), &wire.Call{Call: t.call})
	if err != nil {
		t.g.x.end(err)
	}
	t.seq = seq
}

// threadArgs reads the arguments of clone or clone3; ok tells that they ask for an
// ordinary thread.
func (t *task) threadArgs(nr uint64, args [6]uint64) (b *birth, ok bool) {
	switch nr {
	case unix.SYS_CLONE:
		b = &birth{flags: args[0], stack: args[1], parentTid: args[2], childTid: args[3], tls: args[4]}
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
		if word(4) != 0 || slices.Max(raw[64:]) != 0 { // exit_signal; set_tid, cgroup
			return nil, false
		}
		b = &birth{flags: word(0), childTid: word(2), parentTid: word(3), stack: word(5) + word(6), tls: word(7)}
	default:
		return nil, false
	}
	return b, b.flags&^(memoryFlags|emptyFlags) == abi.ThreadFlags && b.stack != 0
}

// freeSlot is a slot of the window that no task has, or nil.
func (g *guest) freeSlot() *tracer.Slot {
	used := make([]bool, g.loop.Slots)
	for _, t := range g.tasks {
		used[t.slot.Number()] = true
		if t.birth != nil {
			used[t.birth.slot.Number()] = true
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

// bear makes the thread that the body has now, or tells why there is none.
func (t *task) bear(ret int64) {
	b := t.birth
	t.birth = nil
	if abi.Failed(ret) {
		t.finish(ret)
		return
	}
	child, err := t.make(b, abi.HomePid(ret))
	if err != nil {
		t.g.x.log.Warn().Int("pid", int(t.g.pid)).Int64("tid", ret).Err(err).Msg("thread not made")
		h := t.header(wire.TypeExit)
		h.Tid = abi.HomePid(ret)
		t.g.x.send(h, &wire.Exit{})
		t.homing = true
		t.g.x.send(t.header(wire.TypeComeHome), &wire.Reason{Text: "it starts a thread that cannot be made away from home", Must: true})
		return
	}
	child.cont(0)
	t.finish(ret)
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
	child := &task{g: t.g, tid: tid, slot: b.slot}
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

// stand puts a new thread behind the call of the program that made it.
func (t *task) stand(parent tracer.Regs, stack, mask uint64) error {
	in, err := t.k.Injector(t.g.loop.Insn())
	if err != nil {
		return err
	}
	own := in.Regs().FsBase
	r := parent
	r.Skip(0)
	r.Rsp, r.FsBase = stack, own
	*in.Regs(), *in.Mask() = r, mask
	return in.End()
}
