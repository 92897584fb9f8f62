package deputy

import (
	"errors"
	"fmt"
	"sync"
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
//	                   |  +-- lingering <-------------------+  a call of the stay away is still under way
//	                   +--release (the move has failed)
//	any --death--> ended
//
// native: the program runs, untraced unless attached early.
// parked: stopped for a move, in the resident loop; memory is here.
// lingering: as parked, until the call ends; everything else is at home already.
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
	d      *Deputy
	pid    abi.HomePid
	moving sync.Mutex    // held during a move
	over   chan struct{} // closed when the process has ended
	using  sync.RWMutex  // held for reading by calls, whose memory goes with the process
	sent   *image.Image  // of the move out under way

	// Of the tracer's thread:
	task     *tracer.Task
	mem      *tracer.Memory
	loop     *tracer.Loop
	slot     *tracer.Slot
	in       *tracer.Injector // while the body is stopped for a move
	insn     abi.Addr         // where a `syscall` instruction outside the window is
	user     snapshot.State
	fences   []abi.Addr         // protected pages of the call made last
	slept    sleep              // what the program was asleep in before it was stopped
	wait     *image.PendingCall // a futex wait that the program is in
	cut      bool               // the body was taken out of a call that it has not yet noticed
	openMask uint64             // signals that stay at home while the process is away
	early    bool               // attached before its exec: stays so at home
	unbroken unbroken           // its call at home, while early
	placing  *placement         // what to do at the exec
	atExec   bool               // stopped at the exec, for the move that was asked for
	kept     []tracer.Siginfo   // signals taken off on the way, to be delivered
	freezing bool               // the guest's image is on its way: signals are kept
	due      int                // a signal whose default action the body is to take
	fenced   bool               // the guest is known to be gone
	leaving  bool               // the body stands in its exit and waits for the guest's end

	mu        sync.Mutex // guards what follows
	state     state
	peer      *peer // where the guest is
	inc       wire.Incarnation
	exchanges []*exchange // that are open
	deciding  bool        // a move is about to end: it decides what a lost link means
	call      *call
	holders   int           // guarded by Deputy.mu
	ready     chan struct{} // closed when the body can execute calls
	stats     stats
	pinned    string
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
	return &body{d: d, pid: pid, over: make(chan struct{}), stats: stats{calls: map[string]uint64{}}}
}

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

// subject is the process, in a session, for package snapshot.
func (b *body) subject() *snapshot.Subject {
	_, at := b.loop.Buffers()
	call := b.in
	return &snapshot.Subject{
		Leader: b.task, Tasks: []*tracer.Task{b.task}, Pid: b.pid, LocalPid: b.task.Tid, Mem: b.mem,
		Caller:   call,
		Scratch:  func(int) abi.Addr { return at + scratchOffset },
		Window:   [2]abi.Addr{b.loop.Window, b.loop.Window + tracer.WindowSize},
		State:    func(*tracer.Task) *snapshot.State { return &b.user },
		OpenFile: (&opener{b: b, call: call, at: at + pathOffset}).open,
	}
}

// The end of the buffers is for our own calls, out of the way of the program's.
const (
	bufferBytes   = 60 << 20 // of calls
	scratchOffset = 61 << 20
	pathOffset    = 62 << 20
	smallOffset   = 63 << 20
	limitOffset   = smallOffset + 4096 // what remains of a call's time limit
	futexOffset   = limitOffset + 128  // when a futex wait ends
	messageOffset = smallOffset + 8192 // what remains of a message
	vectorOffset  = messageOffset + 64 // and of a vector, up to 16 KiB
)

// hold stops the body, wherever it is in its loop, and begins a session of calls
// injected into it. The call that it may be in is not disturbed. On the tracer's
// thread.
func (b *body) hold() error {
	if b.task == nil || b.leaving {
		return tracer.ErrGone
	}
	if _, err := b.task.StopWithin(stopLimit); err != nil {
		return fmt.Errorf("stop the body of %d: %w", b.pid, err)
	}
	b.kept = append(b.kept, b.task.TakeDeferred()...)
	if err := b.beginSession(); err != nil {
		return err
	}
	b.call.keepOutcome()
	return nil
}

// beginSession is hold for a body that stands still already.
func (b *body) beginSession() (err error) {
	b.in, err = b.task.Injector(b.loop.Insn())
	return err
}

// endSession leaves the body stopped with its registers as they were, or as they
// were set in the session.
func (b *body) endSession() error {
	in := b.in
	b.in = nil
	return in.End()
}

// report tells mosd where the process is and what it has used.
func (b *body) report() {
	b.mu.Lock()
	s := control.State{Pid: int(b.pid), Moves: b.stats.moves, Pinned: b.pinned, Gone: b.state == ended, Lost: b.stats.lost,
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

// tell sends mosd an event for the user.
func (b *body) tell(kind, text string) {
	b.d.mosd.Send(control.FromDeputy{Event: &control.Event{Pid: int(b.pid), Kind: kind, Text: text}})
}
