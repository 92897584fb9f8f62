package jobs

import (
	"time"

	"umosix/wire"
)

// The pace of the scanner: dense after something new was seen, for then more of
// it is likely, and once a second in the long run, or where the kernel tells.
const (
	scanSoon = 5 * time.Millisecond
	scanLate = time.Second
)

// scanner looks for new processes of jobs while there are jobs.
func (r *Registry) scanner() {
	pause := scanLate
	for {
		var tick <-chan time.Time
		if limit := r.slowest(); limit > 0 {
			tick = time.After(min(pause, limit))
		}
		select {
		case <-r.life.Done():
			return
		case <-r.wake:
			pause = scanSoon
			continue
		case <-tick:
		}
		pause = min(2*pause, scanLate)
		if found, told := r.scan(), r.told(); told {
			pause = scanLate
		} else if found {
			pause = scanSoon
		}
	}
}

// told says whether the kernel tells of new processes.
func (r *Registry) told() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kin.works
}

// slowest is the longest pause between two scans that the present jobs bear: a
// shaken job wants its new processes found before their first move. 0: no jobs.
func (r *Registry) slowest() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := time.Duration(0)
	if len(r.jobs) > 0 {
		limit = scanLate
	}
	for _, j := range r.jobs {
		if j.opts.Shake > 0 {
			limit = max(min(limit, j.opts.Shake/2), scanSoon)
		}
	}
	return limit
}

// poke makes the scanner look soon.
func (r *Registry) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// known is what a scan starts from.
type known struct {
	process *process
	job     *job
}

// scan samples all processes and adds children that it did not know. It tells
// whether there were any.
func (r *Registry) scan() bool {
	r.mu.Lock()
	todo := make([]known, 0, len(r.procs))
	for _, p := range r.procs {
		todo = append(todo, known{p, p.job})
	}
	r.mu.Unlock()
	changed := make(map[*job]bool)
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		r.sample(at.process)
		for _, pid := range children(at.process.pid) {
			if p := r.meet(at.job, pid); p != nil {
				todo = append(todo, known{p, at.job})
				changed[at.job] = true
			}
		}
	}
	for j := range changed {
		r.saveSoon(j)
	}
	return len(changed) > 0
}

// sample reads how much a process has used; one whose number has passed to
// another process has ended.
func (r *Registry) sample(p *process) {
	now, err := readStat(p.pid)
	if err != nil || now.start != p.start {
		r.ended(p)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p.cpu = now.cpu
}

// meet takes a child in that is not known yet and returns it.
func (r *Registry) meet(j *job, pid int) *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.meetLocked(j, pid)
}

// meetLocked is meet with mu held. A child has the lock of its parent, and goes where its
// parent was started to be, when it has lived for a moment.
func (r *Registry) meetLocked(j *job, pid int) *process {
	p, ppid := r.enrolLocked(j, pid)
	if parent := j.procs[ppid]; p != nil && parent != nil {
		r.inheritLocked(p, parent)
	}
	return p
}

// inheritLocked gives a new process what its parent has. Called with mu held.
func (r *Registry) inheritLocked(p, parent *process) {
	p.lock = parent.lock
	if p.wants = parent.wants; p.wants != wire.Home {
		r.spawn(func() { r.goAgain(p) })
	}
}
