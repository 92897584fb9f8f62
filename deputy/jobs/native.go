package jobs

import (
	"context"

	"umosix/wire"
	"umosix/wire/control"
)

// Leave brings a process home and takes it out of its job, with all that it starts from
// now on: nobody moves it any more.
func (r *Registry) Leave(ctx context.Context, who control.Caller, req control.OfPid) error {
	p, err := r.owned(who, req.Pid)
	if err != nil {
		return err
	}
	done, err := p.holdMoves(ctx)
	if err != nil {
		return err
	}
	defer done()
	if _, err := r.moveHeld(ctx, p, wire.Home); err != nil {
		return err
	}
	r.mu.Lock()
	p.job.left[p.pid] = p.start
	r.removeLocked(p)
	r.mu.Unlock()
	r.save(p.job)
	return nil
}

// hasLeftLocked tells whether a process has left the job, and forgets those that have
// ended since. Called with mu held.
func (j *job) hasLeftLocked(pid int, start uint64) bool {
	for other, began := range j.left {
		if now, err := readStat(other); err != nil || now.start != began {
			delete(j.left, other)
		}
	}
	began, left := j.left[pid]
	return left && began == start
}
