package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

// The bounds on Bring: for all deputies, and for one that has nothing away and
// could end.
const (
	bringTimeout = time.Minute
	idleGrace    = 3 * time.Second
)

// Bring has every deputy bring its processes home and waits until they have
// ended.
func (r *Registry) Bring(ctx context.Context) error {
	r.mu.Lock()
	var deputies []*deputy
	for _, p := range r.procs {
		p.wants = wire.Home
	}
	for _, j := range r.jobs {
		if j.deputy != nil {
			deputies = append(deputies, j.deputy)
		}
	}
	r.mu.Unlock()
	for _, d := range deputies {
		d.lines.Send(control.ToDeputy{Stop: &control.Stop{}})
	}
	ctx, cancel := context.WithTimeout(ctx, bringTimeout)
	defer cancel()
	failures := make([]error, len(deputies))
	var all sync.WaitGroup
	for i, d := range deputies {
		all.Go(func() { failures[i] = d.awaitHome(ctx) })
	}
	all.Wait()
	return errors.Join(failures...)
}

// Drain is Bring for the end of mosd: from now on nothing leaves any more.
func (r *Registry) Drain(ctx context.Context) error {
	r.mu.Lock()
	r.draining = true
	r.mu.Unlock()
	return r.Bring(ctx)
}

func (r *Registry) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}

// awaitHome waits until a deputy has ended, or has had nothing away for a while.
func (d *deputy) awaitHome(ctx context.Context) error {
	tick := time.NewTicker(idleGrace / 10)
	defer tick.Stop()
	for idle := time.Duration(0); idle < idleGrace; {
		select {
		case <-d.ended:
			return nil
		case <-ctx.Done():
			return control.Refused("the deputy of job %s (pid %d) has not brought everything home yet", d.job.id, d.pid)
		case <-tick.C:
		}
		if idle += idleGrace / 10; d.busy() {
			idle = 0
		}
	}
	d.registry.log.Warn().Str(fieldJob, d.job.id).Int(fieldPid, d.pid).Msg("deputy with nothing away does not end")
	return nil
}

// busy tells whether something of the job is away.
func (d *deputy) busy() bool {
	d.registry.mu.Lock()
	defer d.registry.mu.Unlock()
	for _, p := range d.job.procs {
		if p.said.Where != wire.Home {
			return true
		}
	}
	return false
}

// dismiss ends the deputy of a job that is over. Called with mu held.
func (d *deputy) dismiss() {
	waiting := d.registry.spawn(func() {
		d.lines.Send(control.ToDeputy{Stop: &control.Stop{}})
		timer := time.NewTimer(idleGrace)
		defer timer.Stop()
		select {
		case <-d.ended:
		case <-timer.C:
		case <-d.registry.life.Done():
		}
		d.lines.Close()
	})
	if !waiting {
		d.lines.Close()
	}
}
