package remote

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"umosix/remote/cage"
	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/control"
	"umosix/wire/link"
)

// Executor is the away half of one job on one node. What follows is of the
// tracer's thread, but for link, log and start.
type Executor struct {
	start      control.Start
	log        zerolog.Logger
	link       *link.Link
	tracer     *tracer.Tracer
	cage       *cage.Cage
	inbox      *inbox
	guests     map[abi.HomePid]*guest
	store      *store
	ahead      offset     // of home's clocks
	asked      int64      // when home was asked last for its time, by this node's wall clock
	fillers    *fillers   // of any thread
	speed      uint64     // of the link, in bytes per second, as measured; 0 if not
	flushOwn   sync.Once  // begins flushAll
	leaving    bool       // mosd wants no guests here
	endsTimers bool       // as wire.TimerSignalsEnd says of home
	over       chan error // gets the reason when the link has ended
	mosd       *control.HalfLine
}

// Main runs an executor: channel leads to its mosd, conn to the deputy. It
// returns the exit status of the process.
func Main(channel, conn *os.File) int {
	x, err := open(channel, conn)
	if err != nil {
		fmt.Fprintf(os.Stderr, "mosix executor: %v\n", err)
		return 1
	}
	x.run()
	return 0
}

// open reads what mosd says, and meets the deputy.
func open(channel, conn *os.File) (*Executor, error) {
	line, start, err := control.OpenHalfLine(channel, control.ExecutorPath)
	if err != nil {
		return nil, err
	}
	x := &Executor{start: start, mosd: line, guests: map[abi.HomePid]*guest{}, store: newStore(), fillers: newFillers(), over: make(chan error, 1)}
	level, err := zerolog.ParseLevel(x.start.Log)
	if err != nil || x.start.Log == "" {
		level = zerolog.WarnLevel
	}
	x.log = zerolog.New(os.Stderr).Level(level).With().Timestamp().Str("half", "executor").Str("job", x.start.Job).Logger()
	if x.tracer, err = tracer.New(); err != nil {
		return nil, err
	}
	if err := x.meet(conn); err != nil {
		return nil, err
	}
	go x.listen()
	return x, nil
}

// meet accepts the link, builds the cage and greets the deputy.
func (x *Executor) meet(conn *os.File) error {
	deputy := wire.Identity{Node: x.start.Home, Kind: wire.KindDeputy, Job: x.start.Job, Uid: x.start.Uid}
	cfg, err := link.ServerConfig(x.start.Creds, link.Expect(deputy))
	if err != nil {
		return err
	}
	if err := link.AdmitFile(conn); err != nil {
		return err
	}
	if x.link, err = link.AcceptFile(conn, cfg, link.Options{Grace: x.start.Grace}); err != nil {
		return err
	}
	x.inbox = newInbox(x)
	if err := x.hear(); err != nil {
		x.link.Close()
		return err
	}
	if x.ahead, err = x.compareClocks(); err != nil {
		return err
	}
	walls := cage.Config{Tracer: x.tracer, Weakest: x.start.Cage, Home: x.ahead.now(), TrapWallClock: x.ahead.otherWall,
		Label: fmt.Sprintf("guest of node %v", x.start.Home), Log: x.log}
	if x.start.WeakCage {
		walls.Force = cage.LevelLandlock
	}
	x.cage, err = cage.New(walls)
	if err != nil {
		return x.refuse(err)
	}
	answer := wire.Hello{Protocol: wire.Protocol, Job: x.start.Job, Node: x.start.Node, Cage: x.cage.Level(), CPU: snapshot.LocalCPU()}
	return x.link.Send(wire.Header{Type: wire.TypeHello}, &answer)
}

// helloLimit bounds the wait for the deputy's first frame.
const helloLimit = 10 * time.Second

// hear takes the deputy's first frame.
func (x *Executor) hear() error {
	if ready, err := x.link.Ready(helloLimit); err != nil || !ready {
		return fmt.Errorf("no word from the deputy: %w", cmp.Or(err, os.ErrDeadlineExceeded))
	}
	f, err := x.link.Receive()
	if err != nil {
		return err
	}
	if f.Type != wire.TypeHello {
		return fmt.Errorf("the deputy began with %v", f.Type)
	}
	var h wire.Hello
	if err := f.Decode(&h); err != nil {
		return err
	}
	if h.Protocol != wire.Protocol {
		return x.refuse(fmt.Errorf("this node speaks version %d of the protocol, home %d: install the same release on both", wire.Protocol, h.Protocol))
	}
	x.endsTimers = slices.Contains(h.Features, wire.TimerSignalsEnd)
	return nil
}

// refuse tells the deputy why there will be no guest here.
func (x *Executor) refuse(cause error) error {
	x.link.Send(wire.Header{Type: wire.TypeBye}, &wire.Reason{Text: cause.Error()})
	x.link.Close()
	return cause
}

// run serves until the link ends; guests end with it.
func (x *Executor) run() {
	x.tracer.Post(func() { x.tracer.Idle = x.inbox.idle })
	go x.inbox.watch()
	go x.reportUsage()
	go x.followClock()
	err := <-x.over
	x.log.Info().Err(err).Msg("link ended")
	defer time.AfterFunc(endLimit, x.endHard).Stop()
	if x.link.Err() == nil { // it is not the link that failed: home is told what did
		_ = x.link.Send(wire.Header{Type: wire.TypeBye}, &wire.Reason{Text: err.Error()})
	}
	x.link.Close()
	x.mosd.Close()
	x.tracer.Post(func() { x.tracer.Idle = nil })
	if err := x.cage.Close(); err != nil {
		x.log.Error().Err(err).Msg("cage not closed")
	}
}

// endLimit bounds how long an executor may take to end when its link has.
const endLimit = 20 * time.Second

// endHard ends an executor whose tracer hangs: its guests end with it (PTRACE_O_EXITKILL).
func (x *Executor) endHard() {
	x.log.Error().Msg("guests have not ended in time, and end with their tracer")
	os.Exit(1)
}

// end notes why the link has ended; the first reason counts.
func (x *Executor) end(err error) {
	select {
	case x.over <- err:
	default:
	}
}

// listen takes the requests of mosd. mosd may die: guests stay.
func (x *Executor) listen() {
	for {
		var r control.ToExecutor
		rejoined, ok := x.mosd.Receive(&r)
		if !ok {
			return
		}
		if !rejoined && r.Leave {
			x.tracer.Post(x.sendAllHome)
		}
	}
}

// homeward is why guests are sent home when their node wants none.
const homeward = "its node is needed"

var errUnwanted = errors.New("this node wants no guests")

// sendAllHome asks home to take the guests back, and ends an executor without any.
func (x *Executor) sendAllHome() {
	x.leaving = true
	if len(x.guests) == 0 {
		x.end(errUnwanted)
	}
	for _, g := range x.guests {
		g.askHome(homeward)
	}
}

// reportUsage tells home and mosd about once a second what the guests use.
func (x *Executor) reportUsage() {
	for range time.Tick(time.Second) {
		x.tracer.Post(func() {
			report := control.FromExecutor{Cage: x.cage.Level(), Guests: []control.Guest{}}
			for _, g := range x.guests {
				report.Guests = append(report.Guests, g.describe())
				if g.stage == alive {
					u := g.usage()
					x.send(g.header(wire.TypeUsage), &u)
				}
			}
			x.mosd.Send(report)
		})
	}
}

// send sends a frame; a failure ends the link.
func (x *Executor) send(h wire.Header, body any, payload ...[]byte) {
	if err := x.link.Send(h, body, payload...); err != nil {
		x.end(err)
	}
}

// handle takes one frame from home. An error ends the link. On the tracer's thread.
func (x *Executor) handle(f *link.Frame) error {
	switch f.Type {
	case wire.TypeImage:
		return x.arrive(f)
	case wire.TypeFile:
		return x.store.name(f)
	case wire.TypeClock:
		return x.hearClock(f)
	case wire.TypeBye:
		return errors.New("the deputy said goodbye")
	}
	if f.Type == wire.TypeBatch && f.Pid == 0 {
		return x.store.take(f)
	}
	g := x.guests[f.Pid]
	if g == nil || g.inc != f.Inc {
		return x.answerForNobody(f)
	}
	return g.handle(f)
}

// answerForNobody answers a frame for a guest that has ended, where home waits for
// an answer: what the guest said on its way out has gone before, or is said now.
func (x *Executor) answerForNobody(f *link.Frame) error {
	h := wire.Header{Ack: f.Seq, Pid: f.Pid, Tid: f.Pid, Inc: f.Inc}
	switch f.Type {
	case wire.TypeDrop:
		h.Type = wire.TypeDropped
		x.send(h, nil)
	case wire.TypeFreeze:
		h.Type = wire.TypeAbandon
		x.send(h, &wire.Reason{Text: "the process has ended"})
	case wire.TypeGo:
		h.Type, h.Ack = wire.TypeFault, 0
		x.send(h, killed())
	case wire.TypeBorn: // the parent has been killed meanwhile
		return x.disown(f)
	}
	return nil
}

// disown tells home that nobody makes the process that a task has asked for.
func (x *Executor) disown(f *link.Frame) error {
	var m wire.Reply
	if err := f.Decode(&m); err != nil {
		return err
	}
	pid := abi.HomePid(m.Ret)
	x.send(wire.Header{Type: wire.TypeExit, Pid: pid, Tid: pid, Inc: f.Inc}, &wire.Exit{Unmade: true})
	return nil
}

func (g *guest) handle(f *link.Frame) error {
	switch f.Type {
	case wire.TypeTrailer:
		return g.complete(f)
	case wire.TypeGo:
		g.goOn()
	case wire.TypeAbandon:
		g.discard()
	case wire.TypeFreeze:
		g.asked = f.Seq
		g.leave()
	case wire.TypeThaw:
		g.thaw()
	case wire.TypeDrop:
		g.discard()
		g.x.send(wire.Header{Type: wire.TypeDropped, Ack: f.Seq, Pid: g.pid, Tid: g.pid, Inc: g.inc}, nil)
	case wire.TypeReply, wire.TypeBorn, wire.TypeMapped:
		return g.takeAnswer(f)
	case wire.TypeRelay:
		return g.takeSignal(f)
	case wire.TypeAbreast:
		g.x.send(wire.Header{Type: wire.TypeAbreast, Ack: f.Seq, Pid: g.pid, Tid: f.Tid, Inc: g.inc}, nil)
	default:
		return fmt.Errorf("unexpected %v", f.Type)
	}
	return nil
}

// takeAnswer gives a task what it waits for; one that has ended waits for nothing.
func (g *guest) takeAnswer(f *link.Frame) error {
	t := g.task(f.Tid)
	switch {
	case f.Type == wire.TypeBorn && (t == nil || t.birth == nil || t.seq != f.Ack):
		return g.x.disown(f)
	case t == nil:
		return nil
	case f.Type == wire.TypeMapped:
		return t.takeMapped(f)
	}
	return t.takeReply(f)
}
