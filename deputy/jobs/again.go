package jobs

import (
	"time"

	"umosix/wire"
)

// Pauses between two looks at a process that was started on another node. While
// it is there they are short; each time it is at home instead, they double.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 5 * time.Second
)

// goAgain takes a process that had to come home back to the node that it was
// started on, when it can go again. A user who moves it ends that.
func (r *Registry) goAgain(p *process) {
	pause := firstPause
	for {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-p.gone:
			timer.Stop()
			return
		case <-r.life.Done():
			timer.Stop()
			return
		}
		to := r.wantedBy(p)
		if to == wire.Home {
			return
		}
		if r.where(p) != wire.Home {
			pause = firstPause
			continue
		}
		pause = min(2*pause, longestPause)
		if _, err := r.move(r.life, p, to); err != nil {
			r.log.Debug().Err(err).Str(fieldJob, p.job.id).Msg("not gone again")
		}
	}
}

// wantedBy is the node where a process was started, or home.
func (r *Registry) wantedBy(p *process) wire.NodeID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p.wants
}

// want notes where a process is to be: where it was started, or home if nobody
// minds any more.
func (r *Registry) want(p *process, to wire.NodeID) {
	r.mu.Lock()
	p.wants = to
	r.mu.Unlock()
}
