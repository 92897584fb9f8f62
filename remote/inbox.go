package remote

import (
	"sync"
	"sync/atomic"
	"time"

	"umosix/wire/link"
)

// inbox brings frames to the tracer's thread. While every guest waits for home,
// that thread receives by itself: a forwarded call then costs no change of
// threads. While a guest computes, the thread waits for its stops, and a watcher
// waits for frames. Whoever receives holds the baton.
type inbox struct {
	x     *Executor
	baton sync.Mutex
	turns atomic.Uint64 // counts what the tracer's thread does
}

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
	if in.x.computing() || !in.baton.TryLock() {
		return false
	}
	defer in.baton.Unlock()
	ready, err := in.x.link.Ready(denseWait)
	if err == nil && !ready {
		return false
	}
	f, err := in.x.link.Receive()
	if err == nil {
		err = in.x.handle(f)
	}
	if err != nil {
		in.x.end(err)
		in.x.tracer.Idle = nil
	}
	return true
}

// computing tells whether a guest runs by itself, so that its stops must be met.
func (x *Executor) computing() bool {
	for _, g := range x.guests {
		if g.state == running {
			return true
		}
	}
	return false
}

// watch receives while the tracer's thread is quiet.
func (in *inbox) watch() {
	for {
		for turns := in.turns.Load(); ; turns = in.turns.Load() {
			time.Sleep(quiet)
			if turns == in.turns.Load() {
				break
			}
		}
		if err := in.passOne(); err != nil {
			in.x.end(err)
			return
		}
	}
}

// passOne receives one frame and has the tracer's thread handle it.
func (in *inbox) passOne() error {
	in.baton.Lock()
	defer in.baton.Unlock()
	f, err := in.x.link.Receive()
	if err != nil {
		return err
	}
	return in.hand(f)
}

func (in *inbox) hand(f *link.Frame) (err error) {
	in.x.tracer.Do(func() { err = in.x.handle(f) })
	return err
}
