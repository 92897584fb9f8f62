package remote

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"umosix/remote/cage"
	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/link"
)

// Places in the buffers of a guest's window, which only we use here.
const (
	scratchOffset = 0
	signalOffset  = 64 << 10
	maskOffset    = 65 << 10
	timeOffset    = 66 << 10
	nameOffset    = 67 << 10
	usageOffset   = 68 << 10
	untilOffset   = 69 << 10
	sealOffset    = 128 << 10
)

// arrive begins to build a guest from the head of an image. A failure is the
// guest's, not the link's.
func (x *Executor) arrive(f *link.Frame) error {
	img := new(image.Image)
	if err := f.Decode(img); err != nil {
		return err
	}
	if old := x.guests[f.Pid]; old != nil {
		old.discard()
	}
	g := &guest{x: x, pid: f.Pid, inc: f.Inc, asked: f.Seq, image: img, since: time.Now(), files: newFiles(x.store)}
	g.tasks, g.atHome = []*task{{g: g, tid: g.pid}}, img.Signals.AtHome
	if x.leaving {
		g.abort(errUnwanted)
		return nil
	}
	if err := g.begin(); err != nil {
		g.abort(err)
		return nil
	}
	x.guests[g.pid] = g
	x.fillers.add(g.id(), g.subject)
	return nil
}

// abort gives up a guest that home still has.
func (g *guest) abort(cause error) {
	if g.leader().k != nil {
		g.discard()
	}
	g.x.send(g.answer(wire.TypeRebuilt), &wire.Rebuilt{Failure: cause.Error()})
}

// begin makes the process and its address space.
func (g *guest) begin() error {
	p := &g.image.Process
	if err := g.image.Validate(); err != nil {
		return err
	}
	if p.Pid != g.pid || g.image.Tasks[0].Tid != g.pid {
		return fmt.Errorf("the image is not that of process %d", g.pid)
	}
	if err := snapshot.Compatible(p.CPU, snapshot.LocalCPU()); err != nil {
		return err
	}
	g.x.notSetBack(p.Clock.Realtime)
	leader := g.leader()
	k, err := g.x.cage.Spawn(g.pid)
	if err != nil {
		return err
	}
	leader.k = k
	defer tracer.Together(k.Tid)()
	k.Handler = leader.onStop
	if err := g.enterLoop(p.Window); err != nil {
		return err
	}
	if err := g.makeTasks(); err != nil {
		return err
	}
	g.subject = g.newSubject(func(t *task) tracer.Caller { return t.in })
	return snapshot.Prepare(g.subject, g.image)
}

// enterLoop gives the fresh process its window, at the addresses it has at home.
func (g *guest) enterLoop(window [2]abi.Addr) (err error) {
	leader := g.leader()
	if err := g.openMemory(); err != nil {
		return err
	}
	in, err := leader.k.Injector(g.x.cage.Insn())
	if err != nil {
		return err
	}
	if g.loop, err = tracer.NewLoop(leader.k.Tid, g.mem.Memory, in, window[0], tracer.SlotsIn(uint64(window[1]-window[0]))); err != nil {
		return errors.Join(err, in.End())
	}
	g.loop.SetWall(g.x.ahead.wall)
	leader.in = in
	if leader.slot, err = g.loop.Slot(0); err == nil {
		in.UseLoop(leader.slot)
	}
	return err
}

// makeTasks makes the other tasks of the image.
func (g *guest) makeTasks() error {
	leader := g.leader()
	buffers, at := leader.slot.Buffers()
	for i := 1; i < len(g.image.Tasks); i++ {
		t := &task{g: g, tid: g.image.Tasks[i].Tid}
		var err error
		if t.slot, err = g.loop.Slot(i); err != nil {
			return err
		}
		if t.k, err = g.x.cage.SpawnTask(leader.in, cage.Thread{Tid: t.tid, Flags: abi.ThreadFlags}, at, buffers); err != nil {
			return err
		}
		t.k.Handler = t.onStop
		g.tasks = append(g.tasks, t)
		if t.in, err = t.k.Injector(g.loop.Insn()); err != nil {
			return err
		}
		t.in.UseLoop(t.slot)
	}
	return nil
}

func (g *guest) newSubject(callerOf func(*task) tracer.Caller) *snapshot.Subject {
	leader, of := g.leader(), map[*tracer.Task]*task{}
	s := &snapshot.Subject{Leader: leader.k, Pid: g.pid, LocalPid: leader.k.Tid, Mem: g.mem.Memory, Window: g.loop.Range(),
		Origin: &g.image.Process, FileOf: g.files.fileOf}
	if g.x.ahead.otherWall {
		s.WallFunction = g.loop.WallFunction
	}
	for _, t := range g.tasks {
		s.Tasks = append(s.Tasks, t.k)
		of[t.k] = t
	}
	_, at := leader.slot.Buffers()
	s.Caller = callerOf(leader)
	s.CallerOf = func(k *tracer.Task) tracer.Caller { return callerOf(of[k]) }
	s.HomeTid = func(tid abi.LocalPid) abi.HomePid { return g.homeTid(tid) }
	s.Scratch = func(int) abi.Addr { return at + scratchOffset }
	s.State = func(k *tracer.Task) *snapshot.State { return &of[k].user }
	s.OpenFile = func(f image.File) (int, bool, error) {
		fd, err := g.openFile(s.Caller, f)
		return fd, false, err
	}
	return s
}

func (g *guest) homeTid(tid abi.LocalPid) abi.HomePid {
	for _, t := range g.tasks {
		if t.k.Tid == tid {
			return t.tid
		}
	}
	panic(fmt.Sprintf("remote: guest %d has no task %d", g.pid, tid))
}

// complete finishes the guest when its image is complete.
func (g *guest) complete(f *link.Frame) error {
	var t image.Trailer
	if err := f.Decode(&t); err != nil {
		return err
	}
	if g.stage != arriving {
		return fmt.Errorf("a second trailer for guest %d", g.pid)
	}
	err := g.x.fillers.end(g.id())
	if err == nil {
		err = g.becomeReady(t)
	}
	if err != nil {
		g.abort(err)
		return nil
	}
	g.x.send(g.answer(wire.TypeRebuilt), &wire.Rebuilt{})
	return nil
}

func (g *guest) becomeReady(t image.Trailer) error {
	var tids []abi.LocalPid
	for _, t := range g.tasks {
		tids = append(tids, t.k.Tid)
	}
	defer tracer.Together(tids...)()
	if err := snapshot.Finish(g.subject, g.image, t); err != nil {
		return err
	}
	if err := g.watchOwn(); err != nil {
		return err
	}
	for _, raw := range g.image.Signals.Pending {
		if err := g.leader().queue(g.leader().in, raw, false); err != nil {
			return err
		}
		g.leader().noteArrived(raw, false)
	}
	g.used = g.image.Process.Away
	for i, t := range g.tasks {
		t.used = g.image.Tasks[i].Away
		t.takeCPUs(&g.image.Tasks[i])
		if err := t.queuePending(&g.image.Tasks[i]); err != nil {
			return err
		}
	}
	if err := g.seal(); err != nil {
		return err
	}
	for i, t := range g.tasks {
		if err := t.becomeReady(&g.image.Tasks[i]); err != nil {
			return err
		}
	}
	g.subject, g.stage = nil, ready
	g.readActions()
	return nil
}

// queuePending queues the task's own signals.
func (t *task) queuePending(from *image.Task) error {
	for _, raw := range from.Pending {
		if err := t.queue(t.in, raw, true); err != nil {
			return err
		}
		t.noteArrived(raw, true)
	}
	return nil
}

// seal closes the guest's walls.
func (g *guest) seal() error {
	calls := make([]tracer.Caller, len(g.tasks))
	for i, t := range g.tasks {
		calls[i] = t.in
	}
	_, at := g.leader().slot.Buffers()
	return g.x.cage.Seal(g.leader().k, calls, at+sealOffset, g.mem.Memory)
}

// becomeReady gives the task its own registers.
func (t *task) becomeReady(from *image.Task) error {
	defer snapshot.Bind(t.k.Tid, from.CPUs, t.g.image.Process.CPUs)
	*t.in.Regs(), *t.in.Mask() = t.user.Regs, t.user.Mask
	if err := t.in.End(); err != nil {
		return err
	}
	t.in, t.regs = nil, t.user.Regs
	return nil
}

// readActions looks up which signals the program ignores and which it catches.
func (g *guest) readActions() {
	ignored, caught, err := tracer.Dispositions(g.leader().k.Tid)
	if err == nil {
		g.ignored, g.caught = ignored, caught
	}
}

// goOn is home's decision that the process is here now.
func (g *guest) goOn() {
	if g.stage != ready {
		return
	}
	g.stage = alive
	var free []func()
	for i, t := range g.tasks {
		switch call := g.image.Tasks[i].Call; {
		case call.Nr == unix.SYS_FUTEX:
			free = append(free, func() { t.waitOn(call) })
		case call.Nr >= 0:
			t.resume(uint64(call.Nr), call.Args)
		default:
			t.noteSuspended()
			free = append(free, func() { t.cont(0) })
		}
	}
	g.letRun(free)
	if g.x.leaving {
		g.askHome(homeward)
	}
}

// letRun lets the tasks go on that wait for nothing, after those that do.
func (g *guest) letRun(free []func()) {
	g.stopForPending()
	g.wakeForPending()
	for _, goOn := range free {
		goOn()
	}
}
