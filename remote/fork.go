package remote

import (
	"errors"
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"umosix/remote/cage"
	"umosix/tracer"
	"umosix/tracer/abi"
)

// forkFlags are those of a process that is made here.
const forkFlags = memoryFlags | unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_PIDFD | abi.CloneClear

// forks tells whether a process can be made here. One that shares its parent's memory
// does so until it execs or ends, while the parent stands still (man vfork).
func (t *task) forks(b *birth) bool {
	g := t.g
	vm, vfork := b.flags&unix.CLONE_VM != 0, b.flags&unix.CLONE_VFORK != 0
	return b.flags&^uint64(forkFlags) == 0 && (!vm || vfork) &&
		g.x.cage.ExactPids() && g.pid != 1 && !g.shares &&
		(b.flags&unix.CLONE_PIDFD == 0 || g.mem.Accessible(abi.Addr(b.pidfd), pidfdSize, true) == pidfdSize)
}

const pidfdSize = 4

// call is what home is asked for: the number, and what it writes itself.
func (b *birth) call() abi.Call {
	if b.isThread() {
		return abi.Call{Nr: unix.SYS_CLONE, Args: [6]uint64{b.flags}}
	}
	const pidfdArg = 2
	c := abi.Call{Nr: unix.SYS_CLONE, Args: [6]uint64{b.flags&(unix.CLONE_PIDFD|abi.CloneClear) | b.signal}}
	if b.flags&unix.CLONE_PIDFD != 0 {
		c.Args[pidfdArg] = b.pidfd
		c.Regions = []abi.Region{{Addr: abi.Addr(b.pidfd), Len: pidfdSize, Avail: pidfdSize, Dir: abi.Out,
			At: abi.Pointer{Region: -1, Offset: pidfdArg}, Out: abi.OutRule{Kind: abi.OutAll}}}
	}
	return c
}

// bearProcess makes a process that begins as a copy of the task that asks for it. Memory
// is copied here, by the guest's own kernel.
func (t *task) bearProcess(b *birth, pid abi.HomePid) error {
	child, err := t.makeProcess(b, pid)
	if err != nil {
		return err
	}
	x := t.g.x
	if old := x.guests[pid]; old != nil {
		old.discard()
	}
	x.guests[pid] = child
	child.leader().cont(0)
	if b.flags&unix.CLONE_VFORK != 0 {
		t.awaits, child.awaitedBy = child, t
		return nil
	}
	t.finish(int64(pid))
	return nil
}

// makeProcess makes the process, which stands where the program expects it.
func (t *task) makeProcess(b *birth, pid abi.HomePid) (child *guest, err error) {
	if err := t.leaveTrap(); err != nil {
		return nil, err
	}
	g := t.g
	child = g.offspring(pid)
	leader := child.leader()
	leader.inheritCPUs(t, b)
	in, err := t.k.Injector(g.loop.Insn())
	if err != nil {
		return nil, err
	}
	if !g.forkable {
		if err := g.loop.LetFork(in, true); err != nil {
			return nil, errors.Join(err, in.End())
		}
		g.forkable = true
	}
	buffers, at := t.slot.Buffers()
	flags := uint64(unix.CLONE_PARENT) | b.flags&(memoryFlags|unix.CLONE_VM|abi.CloneClear)
	leader.k, err = g.x.cage.SpawnTask(in, cage.Thread{Tid: pid, Flags: flags, ParentTid: b.parentTid, ChildTid: b.childTid, TLS: b.tls}, at, buffers)
	mask := *in.Mask()
	if err := errors.Join(err, in.End()); err != nil {
		return nil, err
	}
	leader.k.Handler = leader.onStop
	err = child.settleIn(t, b.slot)
	if err == nil {
		err = leader.stand(t.regs, b.stack, mask)
	}
	if err == nil && b.flags&abi.CloneClear != 0 {
		child.readActions()
	}
	if err != nil {
		child.discard()
		return nil, err
	}
	return child, nil
}

// offspring is a guest that begins with what its parent has.
func (g *guest) offspring(pid abi.HomePid) *guest {
	img := *g.image
	img.Process.Pid = pid
	child := &guest{x: g.x, pid: pid, inc: g.inc, stage: alive, image: &img, since: time.Now(),
		ignored: g.ignored, caught: g.caught, atHome: g.atHome, files: g.files.copy()}
	child.tasks = []*task{{g: child, tid: pid}}
	return child
}

// settleIn gives a new process a slot in the window that it has inherited, or a window of
// its own in its place if there is no room.
func (g *guest) settleIn(parent *task, slot *tracer.Slot) (err error) {
	leader := g.leader()
	if err := g.openMemory(); err != nil {
		return err
	}
	g.loop, g.forkable = parent.g.loop.Share(), true
	if leader.slot = slot; slot != nil {
		g.shares, g.ownFiles = true, parent.g.ownFiles
		return nil
	}
	if leader.slot = g.freeSlot(); leader.slot == nil {
		err = g.replaceWindow()
	}
	return err
}

// replaceWindow gives a new guest a window of its own in the place of its parent's.
func (g *guest) replaceWindow() error {
	leader, parent := g.leader(), g.loop
	areas, err := tracer.ReadAreasQuick(leader.k.Tid)
	if err != nil {
		return err
	}
	insn, err := tracer.FindSyscallInsn(g.mem.Memory, areas)
	if err != nil {
		return err
	}
	in, err := leader.k.Injector(insn)
	if err != nil {
		return err
	}
	parent.Close()
	g.forkable = false
	if g.loop, err = parent.Replace(leader.k.Tid, g.mem.Memory, in); err != nil {
		return err
	}
	if err := in.End(); err != nil {
		return err
	}
	g.loop.SetWall(g.x.ahead.wall)
	leader.slot, err = g.loop.Slot(0)
	return err
}

// copy is what a child has of them: the descriptors are copies, with the same numbers.
func (fs *files) copy() *files {
	child := &files{store: fs.store, open: maps.Clone(fs.open), byIno: maps.Clone(fs.byIno)}
	if fs.lender != nil {
		if ours, err := unix.FcntlInt(uintptr(fs.lender.ours), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			child.lender = &lender{ours: ours, theirs: fs.lender.theirs}
		}
	}
	return child
}

// letParentGo ends the wait of the task that stands still until the guest, which has gone,
// execs or ends.
func (g *guest) letParentGo() {
	t := g.awaitedBy
	if t == nil {
		return
	}
	t.awaits, g.awaitedBy = nil, nil
	if t.g.stage != alive {
		return
	}
	t.g.mem.forget() // the child may have changed it
	t.finish(int64(g.pid))
	if t.g.late {
		t.g.late = false
		t.g.leave()
	}
}

// leaveChildren is for a guest that has gone while tasks of it waited for their children:
// nobody waits for these any more.
func (g *guest) leaveChildren() {
	for _, t := range g.tasks {
		if child := t.awaits; child != nil {
			t.awaits, child.awaitedBy, child.shares = nil, nil, false
		}
	}
}

// awaits tells whether a task of the guest waits for its child to exec or to end.
func (g *guest) awaits() bool {
	return slices.ContainsFunc(g.tasks, func(t *task) bool { return t.awaits != nil })
}
