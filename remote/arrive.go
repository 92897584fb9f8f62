package remote

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

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
	if g.task != nil {
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
	if p.Pid != g.pid || len(g.image.Tasks) != 1 {
		return fmt.Errorf("the image is not that of process %d with one task", g.pid)
	}
	if err := snapshot.Compatible(p.CPU, snapshot.LocalCPU()); err != nil {
		return err
	}
	k, err := g.x.cage.Spawn(g.pid)
	if err != nil {
		return err
	}
	g.task = k
	k.Handler = g.onStop
	if err := g.enterLoop(p.Window); err != nil {
		return err
	}
	g.subject = g.newSubject(g.in)
	return snapshot.Prepare(g.subject, g.image)
}

// enterLoop gives the fresh process its window, at the address it has at home.
func (g *guest) enterLoop(window abi.Addr) (err error) {
	if g.mem, err = openMemory(g.task.Tid); err != nil {
		return err
	}
	in, err := g.task.Injector(g.x.cage.Insn())
	if err != nil {
		return err
	}
	if g.loop, err = tracer.NewLoop(g.task.Tid, g.mem.Memory, in, window); err != nil {
		return errors.Join(err, in.End())
	}
	in.Use(g.loop.Insn())
	g.in = in
	return nil
}

func (g *guest) newSubject(call tracer.Caller) *snapshot.Subject {
	_, at := g.loop.Buffers()
	return &snapshot.Subject{
		Leader: g.task, Tasks: []*tracer.Task{g.task}, Pid: g.pid, LocalPid: g.task.Tid, Mem: g.mem.Memory,
		Caller:  call,
		Scratch: func(int) abi.Addr { return at + scratchOffset },
		Window:  [2]abi.Addr{g.loop.Window, g.loop.Window + tracer.WindowSize},
		State:   func(*tracer.Task) *snapshot.State { return &g.user },
		Origin:  &g.image.Process,
		FileOf:  g.files.fileOf,
		OpenFile: func(f image.File) (int, bool, error) {
			fd, err := g.openFile(call, f)
			return fd, false, err
		},
	}
}

// complete finishes the guest when its image is complete.
func (g *guest) complete(f *link.Frame) error {
	var t image.Trailer
	if err := f.Decode(&t); err != nil {
		return err
	}
	if g.state != arriving {
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
	if err := snapshot.Finish(g.subject, g.image, t); err != nil {
		return err
	}
	for _, raw := range append(g.image.Signals.Pending, g.image.Tasks[0].Pending...) {
		if err := g.queueBy(g.subject.Caller, raw); err != nil {
			return err
		}
	}
	_, at := g.loop.Buffers()
	if err := g.x.cage.Seal(g.task, g.subject.Caller, at+sealOffset, g.mem.Memory); err != nil {
		return err
	}
	*g.in.Regs(), *g.in.Mask() = g.user.Regs, g.user.Mask
	if err := g.in.End(); err != nil {
		return err
	}
	g.in, g.subject = nil, nil
	g.regs, g.state = g.user.Regs, ready
	g.readIgnored()
	return nil
}

// readIgnored looks up which signals the program ignores.
func (g *guest) readIgnored() {
	ignored, _, err := tracer.Dispositions(g.task.Tid)
	if err == nil {
		g.ignored = ignored
	}
}

// goOn is home's decision that the process is here now.
func (g *guest) goOn() {
	if g.state != ready {
		return
	}
	if call := g.image.Tasks[0].Call; call.Nr == unix.SYS_FUTEX {
		g.waitOn(call)
		return
	} else if call.Nr >= 0 {
		g.resume(uint64(call.Nr), call.Args)
	} else {
		g.cont(0)
	}
	if g.x.leaving {
		g.askHome(homeward)
	}
}
