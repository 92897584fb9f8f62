package deputy

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/control"
)

// state is the state of a process that this deputy holds.
//
//	native --park--> parked --commit--> away --rebuilt--> parked --release--> native
//	                   |  ^                                 |
//	                   |  +-- lingering <-------------------+  calls of the stay away are still under way
//	                   +--release (the move has failed)
//	any --death--> ended
//
// native: the program runs, untraced unless attached early.
// parked: stopped for a move, or frozen, in the resident loop; memory is here.
// lingering: as native, but for tasks that are in the resident loop until a call ends.
// away: the guest runs elsewhere; the memory here is given back.
type state uint8

const (
	native state = iota
	parked
	lingering
	away
	ended
)

// body is a process of the job at its home.
type body struct {
	d         *Deputy
	pid       abi.HomePid
	moving    sync.Mutex    // held during a move
	over      chan struct{} // closed when the process has ended
	using     sync.RWMutex  // held for reading by calls, whose memory goes with the process
	reporting sync.Mutex    // held while mosd is told of the process
	sent      *image.Image  // of the move out under way
	own       atomic.Pointer[ownFiles]
	changed   bool // a file has that it has mapped; guarded by mappedFiles.mu

	// Of the tracer's thread:
	mem          *tracer.Memory
	loop         *tracer.Loop
	forkable     bool             // children inherit the window
	raised       atomic.Bool      // there have been fences in the window
	insn         abi.Addr         // where a `syscall` instruction outside the window is
	openMask     uint64           // signals that stay at home while the process is away
	madeBy       *task            // that of its parent which forked it away; nil: it was met at home
	early        bool             // attached before its exec: stays so at home
	placing      *placement       // what to do at the exec
	kept         []tracer.Siginfo // signals of the process taken off on the way, to be delivered
	freezing     bool             // the guest's image is on its way: signals are kept
	timers       map[int]timer    // as far as they were seen
	relayed      relayed
	continued    relayed       // the last SIGCONT
	continuation *continuation // the SIGCONT that waits for other signals, or nil
	due          int           // a signal whose default action the body is to take
	halted       bool          // the guest stands still, because of a signal that stops the process
	terminal     bool          // it is stopped for its use of a terminal; the guest may not know yet
	fenced       bool          // the guest is known to be gone
	used         image.CPUTime // by guests: what the body has used does not include it
	leaving      bool          // the body is on its way out and waits for the guest's end
	standing     bool          // the leader stands in its exit meanwhile

	mu        sync.Mutex // guards what follows
	tasks     []*task    // the leader first; changed on the tracer's thread only
	state     state
	peer      *peer // where the guest is
	inc       wire.Incarnation
	exchanges []*exchange   // that are open
	frozen    bool          // by a user: parked until it is let go on
	landing   bool          // it stands at home until what it looks at has come, too
	deciding  bool          // a move is about to end: it decides what a lost link means
	holders   int           // guarded by Deputy.mu
	ready     chan struct{} // closed when the body can execute calls
	stats     stats
	pinned    string
	reported  bool                          // mosd has been told of this body
	ending    map[abi.HomePid]image.CPUTime // what children that have ended have used away
	children  image.CPUTime                 // and those for which it has waited since
}

// stats is what is told to the user of a process.
type stats struct {
	moves  int
	freeze time.Duration
	bytes  uint64
	usage  wire.Usage // of the current stay
	before wire.Usage // of the stays before
	calls  map[string]uint64
	lost   bool
}

func newBody(d *Deputy, pid abi.HomePid) *body {
	b := &body{d: d, pid: pid, over: make(chan struct{}), stats: stats{calls: map[string]uint64{}}}
	b.tasks = []*task{{b: b, tid: pid}}
	return b
}

// leader is the task that the process began with.
func (b *body) leader() *task { return b.tasks[0] }

// place is where the process is.
func (b *body) place() wire.NodeID {
	if p := b.peerNow(); p != nil {
		return p.node
	}
	return wire.Home
}

// peerNow is the executor of the guest, nil at home.
func (b *body) peerNow() *peer {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peer
}

func (b *body) incarnation() wire.Incarnation {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inc
}

func (b *body) now() state {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

func (b *body) set(s state) {
	b.mu.Lock()
	b.state = s
	b.mu.Unlock()
}

// on runs f on the tracer's thread.
func (b *body) on(f func() error) error {
	err := errors.New("the tracer has ended")
	b.d.tracer.Do(func() { err = f() })
	return err
}

// near is on for work that makes many calls in the body.
func (b *body) near(f func() error) error {
	return b.on(func() error {
		var tids []abi.LocalPid
		for _, t := range b.tasks {
			tids = append(tids, abi.LocalPid(t.tid))
		}
		defer tracer.Near(tids...)()
		return f()
	})
}

// subject is the process, in a session, for package snapshot.
func (b *body) subject() *snapshot.Subject {
	leader, of := b.leader(), map[*tracer.Task]*task{}
	s := &snapshot.Subject{Leader: leader.k, Pid: b.pid, LocalPid: leader.k.Tid, Mem: b.mem, Window: b.loop.Range()}
	for _, t := range b.tasks {
		s.Tasks = append(s.Tasks, t.k)
		of[t.k] = t
	}
	_, at := leader.slot.Buffers()
	s.Caller = leader.in
	s.CallerOf = func(k *tracer.Task) tracer.Caller { return of[k].in }
	s.Scratch = func(int) abi.Addr { return at + scratchOffset }
	s.State = func(k *tracer.Task) *snapshot.State { return &of[k].user }
	s.Watched = b.watches
	s.OpenFile = (&opener{b: b, call: leader.in, at: at + pathOffset}).open
	return s
}

// hold stops all tasks of the body, wherever they are in their loops, and begins
// sessions of calls injected into them. Calls that they are in are not disturbed. On
// the tracer's thread.
func (b *body) hold() error {
	b.awaitExits()
	for _, t := range b.tasks {
		if t.k == nil || b.leaving {
			return tracer.ErrGone
		}
		if err := t.k.Interrupt(); err != nil {
			return fmt.Errorf("stop the body of %d: %w", b.pid, err)
		}
	}
	until := time.Now().Add(stopLimit)
	for _, t := range b.tasks {
		if _, err := t.k.AwaitStop(until); err != nil {
			return fmt.Errorf("stop the body of %d: %w", b.pid, err)
		}
	}
	for _, t := range b.tasks {
		if err := t.beginHeld(); err != nil {
			return err
		}
	}
	return nil
}

// goOn ends the sessions of a body and lets it go on in its loop.
func (b *body) goOn() error {
	var failed error
	for _, t := range b.tasks {
		if t.in != nil {
			failed = errors.Join(failed, t.endSession(), t.passOver())
		}
	}
	return failed
}

// report tells mosd where the process is and what it has used; what is newer comes later.
func (b *body) report() {
	b.reporting.Lock()
	defer b.reporting.Unlock()
	b.mu.Lock()
	b.reported = true
	s := control.State{Pid: int(b.pid), Moves: b.stats.moves, Pinned: b.pinned, Stopped: b.frozen, Gone: b.state == ended, Lost: b.stats.lost,
		CPUAway: time.Duration(b.stats.before.UserNs + b.stats.before.SystemNs + b.stats.usage.UserNs + b.stats.usage.SystemNs),
		RSS:     b.stats.usage.RSS, Freeze: b.stats.freeze, Bytes: b.stats.bytes, Calls: map[string]uint64{}}
	if b.peer != nil {
		s.Where = b.peer.node
	}
	for name, n := range b.stats.calls {
		s.Calls[name] = n
	}
	b.mu.Unlock()
	b.d.mosd.Send(control.FromDeputy{State: &s})
}

// isReported tells whether mosd has been told anything of the process by this body.
func (b *body) isReported() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reported
}

// tell sends mosd an event for the user.
func (b *body) tell(kind, text string) {
	b.d.mosd.Send(control.FromDeputy{Event: &control.Event{Pid: int(b.pid), Kind: kind, Text: text}})
}
