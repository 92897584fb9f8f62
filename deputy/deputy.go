package deputy

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/control"
)

// Deputy is the home half of one job.
type Deputy struct {
	start  control.Start
	tracer *tracer.Tracer
	log    zerolog.Logger
	mosd   *control.HalfLine

	schedulers schedulerClocks // the tracer's thread's

	mapped  mappedFiles
	mu      sync.Mutex // guards what follows
	bodies  map[abi.HomePid]*body
	peers   map[wire.NodeID]*peer
	looks   []look
	busy    int       // requests of mosd under way
	spare   time.Time // since when nothing is away or under way
	stopped bool      // mosd wants this deputy to end when it can
}

// lingers is how long a deputy with nothing to do waits for more before it ends.
const lingers = time.Second

// tells is how often mosd is told again where processes are and what they have used.
const tells = time.Second / 4

// Main runs a deputy on the channel to its mosd until nothing of the job is away.
// It returns the exit status of the process.
func Main(conn *os.File) int {
	line, start, err := control.OpenHalfLine(conn, control.DeputyPath)
	if err != nil {
		fmt.Fprintf(os.Stderr, "mosix deputy: %v\n", err)
		return 1
	}
	d, err := newDeputy(line, start)
	if err != nil {
		fmt.Fprintf(os.Stderr, "mosix deputy: %v\n", err)
		return 1
	}
	d.run()
	return 0
}

func newDeputy(line *control.HalfLine, start control.Start) (*Deputy, error) {
	t, err := tracer.New()
	if err != nil {
		return nil, fmt.Errorf("start tracer: %w", err)
	}
	level, err := zerolog.ParseLevel(start.Log)
	if err != nil || start.Log == "" {
		level = zerolog.WarnLevel
	}
	log := zerolog.New(os.Stderr).Level(level).With().Timestamp().Str("half", "deputy").Str("job", start.Job).Logger()
	return &Deputy{start: start, tracer: t, log: log, mosd: line, spare: time.Now(),
		schedulers: schedulerClocks{}, bodies: map[abi.HomePid]*body{}, peers: map[wire.NodeID]*peer{}}, nil
}

// run serves requests until there is nothing left to do.
func (d *Deputy) run() {
	requests := make(chan control.ToDeputy)
	defer d.mosd.Close()
	go d.listen(requests)
	tick := time.NewTicker(tells)
	defer tick.Stop()
	for {
		select {
		case r := <-requests:
			d.begin()
			go func() { defer d.end(); d.serve(r) }()
		case <-tick.C:
			d.report()
			d.lookAfter()
			if d.idle() {
				return
			}
		}
	}
}

// listen hands on the requests of mosd. A new mosd is told where everything is.
func (d *Deputy) listen(requests chan<- control.ToDeputy) {
	for {
		var r control.ToDeputy
		rejoined, ok := d.mosd.Receive(&r)
		switch {
		case !ok:
			return
		case rejoined:
			d.report()
		default:
			requests <- r
		}
	}
}

// begin and end bracket a request, so that the deputy does not end meanwhile.
func (d *Deputy) begin() { d.mu.Lock(); d.busy++; d.mu.Unlock() }
func (d *Deputy) end()   { d.mu.Lock(); d.busy--; d.spare = time.Now(); d.mu.Unlock() }

// idle tells whether nothing has been away, under way or to be remembered for a while.
func (d *Deputy) idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pruneLooks(); d.busy > 0 || len(d.bodies) > 0 || len(d.looks) > 0 {
		d.spare = time.Now()
		return false
	}
	keep := d.start.Keep && d.mosd.Joined() // a mosd that died may have forgotten the job
	return d.stopped || !keep && time.Since(d.spare) > lingers
}

// serve answers one request of mosd.
func (d *Deputy) serve(r control.ToDeputy) {
	switch {
	case r.Move != nil:
		d.move(r.Move)
	case r.Attach != nil:
		d.attachEarly(r.Attach)
	case r.Freeze != nil:
		d.freeze(r.Freeze)
	case r.Sync != nil:
		d.mosd.Send(control.FromDeputy{Done: &control.Done{ID: r.Sync.ID}})
	case r.Stop != nil:
		d.bringHome("the daemon stops")
		d.mu.Lock()
		d.stopped = true
		d.mu.Unlock()
	}
}

// move carries out a Move and answers it.
func (d *Deputy) move(m *control.Move) {
	done := control.Done{ID: m.ID}
	begin := time.Now()
	b := d.hold(abi.HomePid(m.Pid))
	defer d.letGo(b)
	err := b.awaitExec()
	if err == nil {
		err = b.moveTo(destination{node: m.To, address: m.Address, ticket: m.Ticket}, &done)
	}
	if err != nil {
		done.Failure = err.Error()
		d.log.Info().Int("pid", m.Pid).Stringer("to", m.To).Err(err).Msg("not moved")
	}
	done.Total = time.Since(begin)
	d.mosd.Send(control.FromDeputy{Done: &done})
}

// hold is the body of a process; a new one if there is none yet. It stays known
// until letGo.
func (d *Deputy) hold(pid abi.HomePid) *body {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.bodies[pid]
	if b == nil {
		b = newBody(d, pid)
		d.bodies[pid] = b
	}
	b.holders++
	return b
}

// keep is hold for a body that is at hand.
func (d *Deputy) keep(b *body) { d.mu.Lock(); b.holders++; d.mu.Unlock() }

// letGo ends a hold.
func (d *Deputy) letGo(b *body) {
	d.mu.Lock()
	b.holders--
	d.mu.Unlock()
	d.forget(b)
}

// forget drops a body that is at home untraced, or gone, unless somebody holds it:
// a move that has been asked for must find the body that frames are delivered to.
func (d *Deputy) forget(b *body) {
	over := b.unneeded()
	d.mu.Lock()
	if over && b.holders == 0 && d.bodies[b.pid] == b {
		delete(d.bodies, b.pid)
	}
	d.spare = time.Now()
	d.mu.Unlock()
}

// unneeded tells whether nothing is to be remembered of the process.
func (b *body) unneeded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state == ended || b.state == native && !b.early
}

// body is the body of a process, or nil.
func (d *Deputy) body(pid abi.HomePid) *body {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bodies[pid]
}

func (d *Deputy) all() []*body {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*body
	for _, b := range d.bodies {
		all = append(all, b)
	}
	return all
}

// report tells mosd again about the processes that it has been told of. Of one that is
// about to move for the first time there is nothing to tell: mosd knows better why it
// was at home until now.
func (d *Deputy) report() {
	for _, b := range d.all() {
		if b.isReported() {
			b.report()
		}
	}
}

// lookAfter looks at processes at home of which tasks are traced.
func (d *Deputy) lookAfter() {
	for _, b := range d.all() {
		if s := b.now(); s == lingering || s == native {
			d.tracer.Post(b.dropReplaced)
		}
	}
}

// bringHome moves everything home, and lets it go on there.
func (d *Deputy) bringHome(why string) {
	var all sync.WaitGroup
	for _, b := range d.all() {
		all.Go(func() {
			err := b.moveTo(destination{}, &control.Done{})
			if err == nil {
				err = b.goOnAtHome()
			}
			if err != nil && b.now() != ended && !snapshot.Ending(abi.LocalPid(b.pid)) {
				d.log.Warn().Int("pid", int(b.pid)).Str("why", why).Err(err).Msg("not brought home")
			}
		})
	}
	all.Wait()
}
