package jobs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"umosix/wire"
	"umosix/wire/control"
)

// Registry knows the jobs of this home. It implements control.JobVerbs.
type Registry struct {
	cfg  Config
	log  zerolog.Logger
	life context.Context
	end  context.CancelFunc
	busy sync.WaitGroup // goroutines of the registry
	gate sync.Mutex     // between spawn and Close
	wake chan struct{}  // the scanner should look soon

	started chan struct{} // closed by Start

	saving sync.Mutex // before mu; orders the writes of state files

	mu       sync.Mutex // guards all below, and all of job, process and deputy
	jobs     map[string]*job
	procs    map[int]*process // by home pid
	reports  map[string]endedJob
	oldest   []string // job ids of reports, oldest first
	draining bool     // mosd ends: nothing leaves any more
	kin      lineage
}

// job is one mosrun and all its descendants.
type job struct {
	id, tag  string
	owner    Owner
	opts     control.Options
	began    time.Time
	procs    map[int]*process
	left     map[int]uint64 // processes that are in it no more, by pid: see stat.start
	ordinal  int            // of the next process
	deputy   *deputy
	orphan   *orphan // a deputy of an earlier mosd that has not come back yet
	starting chan struct{}
	watchers map[*watcher]struct{}
	early    []control.Event // the first ones, for watchers that come late
	unsaved  bool            // the state file is about to be written
	total    control.Report  // of the processes that have ended
	over     chan struct{}   // closed at the end of the job
}

// process is a thread group of a job.
type process struct {
	job     *job
	pid     int
	start   uint64 // see stat.start
	ordinal int    // in its job: a seed for the shaker that a second run repeats
	lock    bool
	cpu     time.Duration // used here, as last sampled
	said    control.State // the deputy's last word; zero: at home, never moved
	before  tally         // counted before said began to count
	plan    *plan         // what happens at its exec
	wants   wire.NodeID   // where it was started, until it is moved by a user; else home
	pinned  string        // the reason that its job's watchers were told last
	pidfd   *os.File      // of awaitEnd
	moving  chan struct{} // holds one token while it may be moved
	home    chan struct{} // gets a token when it has come home
	ending  bool          // its end is known, but for its deputy's last words
	gone    chan struct{} // closed at its end
}

// Open makes a registry and takes up the jobs that an earlier mosd has left in
// the state directory.
func Open(cfg Config) (*Registry, error) {
	if cfg.Launch == nil {
		cfg.Launch = cfg.launch
	}
	if cfg.MoveTimeout == 0 {
		cfg.MoveTimeout = DefaultMoveTimeout
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, jobsDir), 0o700); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	r := &Registry{
		cfg:     cfg,
		log:     cfg.Log,
		wake:    make(chan struct{}, 1),
		started: make(chan struct{}),
		jobs:    make(map[string]*job),
		procs:   make(map[int]*process),
		reports: make(map[string]endedJob),
		kin:     openLineage(),
	}
	r.life, r.end = context.WithCancel(context.Background())
	r.restore()
	return r, nil
}

// Start begins to look for new processes and to shake. By then everything that
// Config.Cluster needs is there.
func (r *Registry) Start() {
	close(r.started)
	r.spawn(r.scanner)
	if r.kin.socket >= 0 {
		r.spawn(r.followLineage)
	}
}

// Close ends what the registry itself does. Jobs and deputies go on.
func (r *Registry) Close() {
	r.gate.Lock()
	r.end()
	r.gate.Unlock()
	r.mu.Lock()
	for _, j := range r.jobs {
		if j.deputy != nil {
			j.deputy.lines.Close()
		}
	}
	for _, p := range r.procs {
		p.wakeWaiter()
	}
	r.kin.stop()
	r.mu.Unlock()
	r.busy.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kin.close()
}

// spawn runs f as a goroutine that Close waits for. It reports false, and does not
// run it, once Close has begun.
func (r *Registry) spawn(f func()) bool {
	r.gate.Lock()
	defer r.gate.Unlock()
	if r.life.Err() != nil {
		return false
	}
	r.busy.Go(f)
	return true
}

// Away counts the processes of this home that are on other nodes.
func (r *Registry) Away() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, p := range r.procs {
		if p.said.Where != wire.Home {
			n++
		}
	}
	return n
}

// newJob makes a job without processes. Called with mu held.
func (r *Registry) newJobLocked(id, tag string, owner Owner, opts control.Options) *job {
	j := &job{
		id: id, tag: tag, owner: owner, opts: opts,
		began:    time.Now(),
		procs:    make(map[int]*process),
		left:     make(map[int]uint64),
		starting: make(chan struct{}, 1),
		watchers: make(map[*watcher]struct{}),
		over:     make(chan struct{}),
	}
	j.total = control.Report{Job: j.label(), Calls: make(map[string]uint64), Pinned: make(map[string]int)}
	r.jobs[id] = j
	return j
}

// label is what users see as the job's id.
func (j *job) label() string {
	if j.tag != "" {
		return j.tag
	}
	return j.id
}

// enrolLocked takes a process into a job if it lives, is not known yet, and has not left
// the job, which is not over, and tells its parent; otherwise it returns nil. The process
// is looked at with mu held: one that was forgotten before, because it had ended, is not
// taken for another one. Called with mu held.
func (r *Registry) enrolLocked(j *job, pid int) (p *process, parent int) {
	now, err := readStat(pid)
	known := r.procs[pid]
	if err != nil || now.dead() || known != nil && known.start == now.start || r.overLocked(j) || j.hasLeftLocked(pid, now.start) {
		return nil, 0
	}
	return r.addLocked(j, pid, now.start), now.ppid
}

// addLocked takes a process into a job; a process that is known under this
// number has ended then. Called with mu held.
func (r *Registry) addLocked(j *job, pid int, start uint64) *process {
	p := &process{
		job: j, pid: pid, start: start, ordinal: j.ordinal,
		said:   control.State{Pid: pid},
		moving: make(chan struct{}, 1),
		home:   make(chan struct{}, 1),
		gone:   make(chan struct{}),
	}
	j.ordinal++
	p.moving <- struct{}{}
	if r.kin.socket >= 0 {
		if len(r.kin.kin) == 0 {
			r.kin.tell(listenEvents)
		}
		r.kin.kin[pid] = p
	}
	old := r.procs[pid]
	j.procs[pid], r.procs[pid] = p, p
	if old != nil { // not before: it may be the last of this very job
		r.removeLocked(old)
	}
	r.spawn(func() { r.awaitEnd(p) })
	if j.opts.Shake > 0 {
		r.spawn(func() { r.shake(p) })
	}
	return p
}

// removeLocked forgets a process that has ended, and its job with the last one.
// Called with mu held.
func (r *Registry) removeLocked(p *process) {
	select {
	case <-p.gone:
		return
	default:
	}
	r.catchUpLocked() // it may have children
	if r.kin.kin[p.pid] == p {
		delete(r.kin.kin, p.pid)
	}
	j := p.job
	for _, list := range []map[int]*process{j.procs, r.procs} {
		if list[p.pid] == p {
			delete(list, p.pid)
		}
	}
	p.account(&j.total)
	close(p.gone)
	p.wakeWaiter()
	if len(j.procs) == 0 {
		r.finishLocked(j)
	}
}

// overLocked tells whether a job has ended. Called with mu held.
func (r *Registry) overLocked(j *job) bool { return r.jobs[j.id] != j }

// finishLocked ends a job. Called with mu held.
func (r *Registry) finishLocked(j *job) {
	j.total.Wall = time.Since(j.began).Seconds()
	delete(r.jobs, j.id)
	if len(r.jobs) == 0 {
		r.kin.tell(ignoreEvents)
		clear(r.kin.kin)
	}
	close(j.over)
	r.keepReportLocked(j)
	if j.deputy != nil {
		j.deputy.dismiss()
	}
	os.Remove(r.stateFile(j.id))
	r.log.Debug().Str(fieldJob, j.id).Msg("job ended")
}

// The names of the fields in log lines.
const (
	fieldJob = "job"
	fieldPid = "pid"
)
