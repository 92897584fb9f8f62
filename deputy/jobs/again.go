package jobs

import (
	"time"

	"umosix/wire"
)

// Pauses before a process goes again to where it was started. Each time it comes home
// they double, until it has stayed there for longer than the longest.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = 5 * time.Second
)

// goAgain takes a process that had to come home back to the node that it was
// started on, when it can go again. A user who moves it ends that.
func (r *Registry) goAgain(p *process) {
	pause, left := firstPause, time.Now()
	for r.atHome(p) {
		if time.Since(left) > longestPause {
			pause = firstPause
		}
		if !r.rest(p, pause) {
			return
		}
		to := r.wantedBy(p)
		if to == wire.Home {
			return
		}
		if _, err := r.move(r.life, p, to); err != nil {
			r.log.Debug().Err(err).Str(fieldJob, p.job.id).Msg("not gone again")
		}
		pause, left = min(2*pause, longestPause), time.Now()
	}
}

// atHome waits until a process is at home; false: it has ended, or the registry has.
func (r *Registry) atHome(p *process) bool {
	for r.where(p) != wire.Home {
		select {
		case <-p.home:
		case <-p.gone:
			return false
		case <-r.life.Done():
			return false
		}
	}
	return true
}

// rest pauses; false: the process has ended, or the registry has.
func (r *Registry) rest(p *process, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.gone:
	case <-r.life.Done():
	}
	return false
}

// wantedBy is the node where a process was started, or home.
func (r *Registry) wantedBy(p *process) wire.NodeID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.wants
}

// want notes where a process is to be: where it was started, or home if nobody
// minds any more. It tells whether that was a node already: then goAgain runs.
func (r *Registry) want(p *process, to wire.NodeID) (was bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was = p.wants != wire.Home
	p.wants = to
	return was
}
