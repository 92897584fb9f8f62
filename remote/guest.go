package remote

import (
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/control"
)

// stage is how far a guest has come.
//
//	arriving --trailer--> ready --Go--> alive --Freeze--> frozen --Drop--> gone
//	                                      ^                  |
//	                                      +-------Thaw-------+
//	any --Drop, end of the link--> gone
//
// arriving: the memory is being filled. ready: complete, but home has not decided.
// alive: its tasks run, each in a state of its own.
// frozen: its image has been sent; home decides what becomes of it.
type stage uint8

const (
	arriving stage = iota
	ready
	alive
	frozen
	gone
)

// guest is a process of the job as it runs here. All of it belongs to the
// tracer's thread.
type guest struct {
	x     *Executor
	pid   abi.HomePid
	inc   wire.Incarnation
	stage stage
	tasks []*task // the leader first

	mem        *memory
	loop       *tracer.Loop
	forkable   bool              // children inherit the window
	subject    *snapshot.Subject // while it is being built
	image      *image.Image      // as it arrived
	files      *files
	ownFiles   *ownFiles // nil: none
	since      time.Time
	used       image.CPUTime // by the process in the stays before
	asks       uint64        // counts what home was asked to do
	timeAtHome homeTime

	awaitedBy *task           // that of its parent which stands still until it execs or ends (man vfork)
	shares    bool            // it runs in that task's memory
	asked     uint64          // the frame of home that the image on its way answers
	late      bool            // that one waits until a child execs or ends
	heard     uint64          // the last frame with a signal
	stopped   bool            // by the default action of a signal
	stopBy    *tracer.Siginfo // what stops it as soon as it goes on
	waits     bool            // signals may wait in the queue of the process
	halting   bool            // all tasks are being stopped
	ignored   uint64          // signals that the program ignores
	caught    uint64          // signals that it has, or had once, a handler for
	atHome    uint64          // signals that a signalfd at home reads
	timers    map[int32]*timerSignal
	parts     map[int32]uint64 // bytes that go at once to descriptors which do not wait
}

// leader is the task that the process began with.
func (g *guest) leader() *task { return g.tasks[0] }

// task is the task of that number, or nil.
func (g *guest) task(tid abi.HomePid) *task {
	for _, t := range g.tasks {
		if t.tid == tid {
			return t
		}
	}
	return nil
}

// header starts a frame about the guest.
func (g *guest) header(t wire.Type) wire.Header {
	return wire.Header{Type: t, Pid: g.pid, Tid: g.pid, Inc: g.inc}
}

// answer starts a frame in answer to the one that has begun a move.
func (g *guest) answer(t wire.Type) wire.Header {
	h := g.header(t)
	h.Ack = g.asked
	return h
}

// id names this stay of the process.
func (g *guest) id() guestID { return guestID{g.pid, g.inc} }

// fail ends the guest after a failure of ours that it cannot survive here.
func (g *guest) fail(what string, err error) {
	if g.stage == gone {
		return
	}
	g.x.log.Error().Int("pid", int(g.pid)).Err(err).Msg(what)
	g.discard()
	g.x.send(g.header(wire.TypeFault), killed())
}

// killed says that a guest has ended, and not by its own doing.
func killed() *wire.Fault {
	var info tracer.Siginfo
	info[0] = byte(unix.SIGKILL)
	return &wire.Fault{Info: info[:], Gone: true}
}

// discard ends the guest and waits until it is gone.
func (g *guest) discard() {
	if g.stage == gone {
		return
	}
	g.stage = gone
	g.x.fillers.end(g.id()) // a failure does not matter any more
	delete(g.x.guests, g.pid)
	if g.x.leaving && len(g.x.guests) == 0 {
		defer g.x.end(errUnwanted)
	}
	leader := g.leader()
	if leader.k == nil {
		return
	}
	if _, over := leader.k.Ended(); !over { // else its number may be another's by now
		unix.Kill(int(leader.k.Tid), unix.SIGKILL)
	}
	for _, t := range g.tasks[1:] {
		t.awaitEnd()
	}
	leader.awaitEnd() // whose end is told last
	g.leaveOwn()
	if g.loop != nil {
		g.loop.Close()
	}
	if g.mem != nil {
		g.mem.Close()
	}
	g.files.close()
	g.leaveChildren()
	g.letParentGo()
}

// usage is what the guest has used here.
func (g *guest) usage() wire.Usage {
	u, err := readUsage(g.leader().k.Tid)
	if err != nil {
		return wire.Usage{}
	}
	return u
}

func (g *guest) describe() control.Guest {
	u := g.usage()
	return control.Guest{Pid: int(g.pid), LocalPid: int(g.leader().k.Tid), CPU: time.Duration(u.UserNs + u.SystemNs),
		RSS: u.RSS, Threads: len(g.tasks), Command: g.image.Process.Comm}
}
