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

// state is the state of a guest.
//
//	arriving --trailer--> ready --Go--> running <--> waiting
//	                                      |  ^          |
//	                                      |  +--Thaw-- frozen <--Freeze-- (from running, waiting, held)
//	                                      +--> held (job control)            |
//	any --Drop, end of the link--> gone                                      +--Drop--> gone
//
// arriving: the memory is being filled. ready: complete, but home has not decided.
// waiting: stopped, until home answers a forwarded call or takes the guest back.
// held: stopped by a signal's default action.
// frozen: its image has been sent; home decides what becomes of it.
type state uint8

const (
	arriving state = iota
	ready
	running
	waiting
	held
	frozen
	gone
)

// guest is a process of the job as it runs here. All of it belongs to the
// tracer's thread.
type guest struct {
	x     *Executor
	pid   abi.HomePid
	inc   wire.Incarnation
	state state

	task    *tracer.Task
	mem     *memory
	loop    *tracer.Loop
	in      *tracer.Injector // while the guest is being built
	subject *snapshot.Subject
	image   *image.Image // as it arrived
	user    snapshot.State
	files   *files
	since   time.Time

	trapped bool        // stands in a seccomp stop: the call has not been made
	regs    tracer.Regs // of that stop, or as the guest will go on
	call    abi.Call    // what it has forwarded, and waits for
	row     *abi.Row
	seq     uint64 // of the frame that home has to answer
	asked   uint64 // the frame of home that the image on its way answers
	mapping *mapping
	homing  bool   // the call that it stands before is to be made at home
	thawTo  state  // what a frozen guest was
	until   int64  // when the limit of its futex wait is over, by home's monotonic clock; 0: it has none that is a duration
	mask    uint64 // the call's own mask, if tempMask
	temp    bool
	ignored uint64       // signals that the program ignores
	suspend *tracer.Regs // registers to put back when a signal ends a borrowed sigsuspend
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
	if g.state == gone {
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
	if g.state == gone {
		return
	}
	g.state = gone
	g.x.fillers.end(g.id()) // a failure does not matter any more
	delete(g.x.guests, g.pid)
	if g.x.leaving && len(g.x.guests) == 0 {
		defer g.x.end(errUnwanted)
	}
	if _, over := g.task.Ended(); !over { // else its number may be another's by now
		unix.Kill(int(g.task.Tid), unix.SIGKILL)
	}
	for {
		if _, err := g.task.Wait(); err != nil {
			break
		}
		g.task.Cont(0)
	}
	if g.loop != nil {
		g.loop.Close()
	}
	if g.mem != nil {
		g.mem.Close()
	}
	g.files.close()
}

// cont lets the guest run.
func (g *guest) cont(sig int) {
	g.state = running
	if err := g.task.Cont(sig); err != nil && err != tracer.ErrGone {
		g.fail("guest not continued", err)
	}
}

// onStop takes the stops of a guest. On the tracer's thread.
func (g *guest) onStop(k *tracer.Task, s tracer.Stop) {
	switch {
	case s.Ended():
		g.ended(s)
	case s.Kind == tracer.StopSeccomp:
		g.onTrap()
	case s.Kind == tracer.StopSignal && g.state == running:
		g.onSignal(s.Signal)
	case g.state == running || g.state == arriving:
		k.Cont(0) // a late interrupt, or the wake-up by SIGCONT
	}
}

// ended meets a guest that has died here without home's knowledge.
func (g *guest) ended(s tracer.Stop) {
	if g.state == gone {
		return
	}
	g.x.log.Warn().Int("pid", int(g.pid)).Stringer("end", s).Msg("guest ended")
	h, body := g.header(wire.TypeFault), any(killed())
	if g.state == arriving { // home still has it
		h, body = g.answer(wire.TypeRebuilt), &wire.Rebuilt{Failure: "the guest was killed on its arrival"}
	}
	g.discard()
	g.x.send(h, body)
}

// usage is what the guest has used here.
func (g *guest) usage() wire.Usage {
	u, err := readUsage(g.task.Tid)
	if err != nil {
		return wire.Usage{}
	}
	return u
}

func (g *guest) describe() control.Guest {
	u := g.usage()
	return control.Guest{Pid: int(g.pid), LocalPid: int(g.task.Tid), CPU: time.Duration(u.UserNs + u.SystemNs),
		RSS: u.RSS, Threads: 1, Command: g.image.Process.Comm}
}
