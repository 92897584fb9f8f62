package remote

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"umosix/wire/link"
)

// inbox brings frames to the tracer's thread. While every task waits for home,
// that thread receives by itself: a forwarded call then costs no change of
// threads. While a task computes, the thread waits for its stops, and a watcher
// waits for frames: at once if another task waits for home, otherwise when it has
// been quiet for a while. Whoever receives holds the baton.
type inbox struct {
	x      *Executor
	baton  sync.Mutex
	turns  atomic.Uint64 // counts what the tracer's thread does
	stops  atomic.Bool   // it waits for stops, and does not receive
	urgent chan struct{} // the watcher is to receive at once
}

func newInbox(x *Executor) *inbox { return &inbox{x: x, urgent: make(chan struct{}, 1)} }

const (
	// denseWait is how long the tracer's thread waits for a frame by itself.
	denseWait = 2 * time.Millisecond
	// quiet is how long the tracer's thread must have done nothing before the
	// watcher takes over.
	quiet = time.Millisecond
)

// idle runs on the tracer's thread before it waits for a stop.
func (in *inbox) idle() bool {
	in.turns.Add(1)
	in.stops.Store(false)
	if in.x.computing() {
		if in.x.expecting() {
			in.hurry()
		}
		in.stops.Store(true)
		return false
	}
	if !in.baton.TryLock() {
		in.stops.Store(true)
		return false
	}
	defer in.baton.Unlock()
	ready, err := in.x.link.Ready(denseWait)
	if err == nil && !ready {
		in.stops.Store(true)
		return false
	}
	f, err := in.receive()
	if err == nil && f != nil {
		err = in.x.handle(f)
	}
	if err != nil {
		in.x.end(err)
		in.x.tracer.Idle = nil
	}
	return true
}

// hurry has the watcher receive at once.
func (in *inbox) hurry() {
	select {
	case in.urgent <- struct{}{}:
	default:
	}
}

// receive takes one frame. It is nil if it was for a filler.
func (in *inbox) receive() (*link.Frame, error) {
	f, err := in.x.link.Receive()
	if err != nil {
		return nil, err
	}
	if taken, err := in.x.fillers.take(in.x.link, f); taken || err != nil {
		return nil, err
	}
	return f, nil
}

// computing tells whether a guest runs by itself, so that its stops must be met.
func (x *Executor) computing() bool {
	for _, g := range x.guests {
		if g.computing() {
			return true
		}
	}
	return false
}

// computing tells whether a task of the guest runs by itself.
func (g *guest) computing() bool {
	return g.stage == alive && slices.ContainsFunc(g.tasks, func(t *task) bool { return t.state == running || t.state == exiting })
}

// expecting tells whether a task of a guest waits for home.
func (x *Executor) expecting() bool {
	for _, g := range x.guests {
		if slices.ContainsFunc(g.tasks, func(t *task) bool { return t.state == waiting }) {
			return true
		}
	}
	return false
}

// watch receives while the tracer's thread is quiet.
func (in *inbox) watch() {
	for {
		in.awaitTurn()
		if err := in.pass(); err != nil {
			in.x.end(err)
			return
		}
	}
}

// awaitTurn waits until it is the watcher's turn to receive.
func (in *inbox) awaitTurn() {
	for {
		turns := in.turns.Load()
		select {
		case <-in.urgent:
			return
		case <-time.After(quiet):
			if turns == in.turns.Load() && in.stops.Load() {
				return
			}
		}
	}
}

// pass receives until there is a frame for the tracer's thread and has it handled
// there. With the frame that thread gets the baton, and goes on receiving by itself.
func (in *inbox) pass() error {
	in.baton.Lock()
	var f *link.Frame
	var err error
	for f == nil && err == nil {
		f, err = in.receive()
	}
	if err != nil {
		in.baton.Unlock()
		return err
	}
	in.x.tracer.Do(func() {
		err = in.x.handle(f)
		in.baton.Unlock()
	})
	return err
}
