package jobs

import (
	"context"
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"umosix/wire"
	"umosix/wire/control"
)

// errDeputyEnded means that the deputy ended before it answered.
var errDeputyEnded = errors.New("the job's deputy ended")

// deputy is the running deputy of one job. Its fields are guarded by
// Registry.mu, but for those that never change.
type deputy struct {
	registry *Registry
	job      *job
	pid      int
	start    uint64 // see stat.start
	lines    *control.Lines
	ended    chan struct{} // closed when the channel has ended
	asked    uint64        // ID of the last request
	pending  map[uint64]question
}

// question is a request that the deputy has not answered yet.
type question struct {
	answer chan control.Done // holds one
	done   func()            // on success, with mu held; may be nil
}

// orphan is a deputy that an earlier mosd started and that lives on.
type orphan struct {
	pid    int
	start  uint64
	joined chan struct{} // closed when it has come back
}

// deputyOf is the deputy of a job; it is started where there is none, and
// awaited where it lives on from before this mosd.
func (r *Registry) deputyOf(ctx context.Context, j *job) (*deputy, error) {
	select {
	case j.starting <- struct{}{}:
		defer func() { <-j.starting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.mu.Lock()
	present, lost, over := j.deputy, j.orphan, r.overLocked(j)
	r.mu.Unlock()
	if over {
		return nil, control.NotFound("job %s has ended", j.id)
	}
	if present != nil {
		return present, nil
	}
	if lost != nil {
		return r.awaitOrphan(ctx, j, lost)
	}
	return r.startDeputy(j)
}

// awaitOrphan waits for a deputy of before. A second one must not be started
// while it holds its processes.
func (r *Registry) awaitOrphan(ctx context.Context, j *job, lost *orphan) (*deputy, error) {
	if !alive(lost.pid, lost.start) {
		r.mu.Lock()
		j.orphan = nil
		r.mu.Unlock()
		return r.startDeputy(j)
	}
	timeout := time.NewTimer(rejoinTimeout)
	defer timeout.Stop()
	select {
	case <-lost.joined:
		r.mu.Lock()
		defer r.mu.Unlock()
		if j.deputy != nil {
			return j.deputy, nil
		}
	case <-timeout.C:
	case <-ctx.Done():
	}
	return nil, control.Refused("the deputy of the job (pid %d) has not found this mosd yet: try again", lost.pid)
}

func (r *Registry) startDeputy(j *job) (*deputy, error) {
	creds, err := r.cfg.Cluster.Issue(j.id, j.owner.Uid)
	if err != nil {
		return nil, err
	}
	child, err := r.cfg.Launch(j.id, j.owner)
	if err != nil {
		return nil, err
	}
	lines := control.NewLines(child.Channel)
	if err := lines.Send(r.startLine(j, creds)); err != nil { // before anybody else finds this deputy: it is its first line
		lines.Close()
		return nil, err
	}
	d := r.connect(j, child.Pid, lines)
	r.mu.Lock()
	for _, p := range j.procs {
		p.settle() // this one counts anew
	}
	if r.overLocked(j) { // meanwhile: nobody else knows this deputy
		d.dismiss()
	}
	r.mu.Unlock()
	r.log.Debug().Str(fieldJob, j.id).Int(fieldPid, child.Pid).Msg("deputy started")
	r.save(j)
	return d, nil
}

func (r *Registry) startLine(j *job, creds control.Credentials) control.Start {
	level := r.cfg.LogLevel
	if level == "" {
		level = "warn"
	}
	return control.Start{
		Job: j.id, Node: r.cfg.Self, Uid: j.owner.Uid, Grace: r.grace(j), Creds: creds, Log: level, FalseClock: r.cfg.FalseClock,
		Keep:   j.opts.Shake > 0 || j.opts.Early,
		SyncIO: j.opts.SyncIO,
		Warn:   j.opts.Warn,
		Socket: r.cfg.Socket,
	}
}

func (r *Registry) grace(j *job) time.Duration {
	if j.opts.Grace > 0 {
		return j.opts.Grace
	}
	return r.cfg.Grace
}

// connect makes a channel the one of the job's deputy, which has been told to start.
func (r *Registry) connect(j *job, pid int, lines *control.Lines) *deputy {
	d := &deputy{
		registry: r, job: j, pid: pid, start: startOf(pid), lines: lines,
		ended:   make(chan struct{}),
		pending: make(map[uint64]question),
	}
	r.mu.Lock()
	j.deputy = d
	if j.orphan != nil {
		close(j.orphan.joined)
		j.orphan = nil
	}
	r.mu.Unlock()
	if !r.spawn(d.listen) {
		d.hangUp()
	}
	return d
}

// ask sends a request and waits for its answer. On success done runs with mu
// held, before anything that the deputy says later is looked at.
func (d *deputy) ask(ctx context.Context, request func(id uint64) control.ToDeputy, done func()) (control.Done, error) {
	r := d.registry
	q := question{answer: make(chan control.Done, 1), done: done}
	r.mu.Lock()
	d.asked++
	id := d.asked
	d.pending[id] = q
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(d.pending, id)
		r.mu.Unlock()
	}()
	if err := d.lines.Send(request(id)); err != nil {
		if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
			return control.Done{}, errDeputyEnded
		}
		return control.Done{}, err
	}
	select {
	case answer := <-q.answer:
		return answer, nil
	case <-d.ended:
		select {
		case answer := <-q.answer:
			return answer, nil
		default:
			return control.Done{}, errDeputyEnded
		}
	case <-ctx.Done():
		return control.Done{}, control.Refused("no answer from the job's deputy (pid %d): %v", d.pid, ctx.Err())
	}
}

// listen takes in what the deputy says until its channel ends.
func (d *deputy) listen() {
	for {
		var said control.FromDeputy
		if err := d.lines.Receive(&said); err != nil {
			d.hangUp()
			return
		}
		switch {
		case said.Done != nil:
			d.answered(said.Done)
		case said.State != nil:
			d.registry.stated(d.job, said.State)
		case said.Event != nil:
			d.registry.happened(d.job, said.Event)
		}
	}
}

func (d *deputy) answered(done *control.Done) {
	d.registry.mu.Lock()
	defer d.registry.mu.Unlock()
	q, ok := d.pending[done.ID]
	if !ok {
		return
	}
	delete(d.pending, done.ID)
	if done.Failure == "" && q.done != nil {
		q.done()
	}
	q.answer <- *done
}

// hangUp notes that the deputy is gone. What it had away is lost with it: the
// kernel kills bodies whose tracer ends (PTRACE_O_EXITKILL).
func (d *deputy) hangUp() {
	d.lines.Close()
	r := d.registry
	if r.life.Err() != nil { // it is mosd that ends; the deputy lives on
		close(d.ended)
		return
	}
	r.mu.Lock()
	if d.job.deputy == d {
		d.job.deputy = nil
	}
	var lost []int
	for _, p := range d.job.procs {
		if p.said.Where != wire.Home && !p.said.Lost {
			p.said.Lost = true
			lost = append(lost, p.pid)
		}
	}
	r.mu.Unlock()
	close(d.ended)
	for _, pid := range lost {
		r.happened(d.job, &control.Event{Pid: pid, Kind: "lost", Text: "its deputy ended"})
	}
	r.save(d.job)
}

// stated takes in the state of a process; one that is not known yet was made by
// a process that is away.
func (r *Registry) stated(j *job, s *control.State) {
	r.mu.Lock()
	p := j.procs[s.Pid]
	if p == nil && !s.Gone {
		p = r.meetLocked(j, s.Pid)
	}
	moved := false
	if p != nil {
		moved = p.said.Where != s.Where
		p.hear(s)
		if s.Gone {
			r.removeLocked(p)
		}
	}
	r.mu.Unlock()
	if moved {
		r.saveSoon(j)
	}
}

// AdoptDeputy takes back a deputy that an earlier mosd has started.
func (r *Registry) AdoptDeputy(_ context.Context, who control.Caller, req control.Adopt, conn net.Conn) error {
	r.mu.Lock()
	j := r.jobs[req.Job]
	fits := j != nil && j.deputy == nil && who.May(j.owner.Uid)
	r.mu.Unlock()
	if !fits {
		return control.Refused("job %q awaits no deputy", req.Job)
	}
	r.connect(j, who.Pid, control.NewLines(conn))
	r.log.Info().Str(fieldJob, j.id).Int(fieldPid, who.Pid).Msg("deputy found again")
	r.save(j)
	return nil
}
