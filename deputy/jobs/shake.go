package jobs

import (
	"math/rand/v2"
	"slices"
	"time"

	"umosix/wire"
)

// maxPause bounds a pause between two forced moves, in means: the exponential
// distribution has a long tail.
const maxPause = 8

// shake moves a process to a random other place again and again until it ends.
// The pauses are counted from the end of the last move, so that a slow move does
// not take the program's time to run.
func (r *Registry) shake(p *process) {
	select {
	case <-r.started:
	case <-r.life.Done():
		return
	}
	opts := p.job.opts
	dice := rand.New(rand.NewPCG(opts.Seed, uint64(p.ordinal)))
	for {
		timer := time.NewTimer(pause(dice, opts.Shake))
		select {
		case <-timer.C:
		case <-p.gone:
			timer.Stop()
			return
		case <-r.life.Done():
			timer.Stop()
			return
		}
		to, ok := r.somewhere(dice, p)
		if !ok {
			continue
		}
		if _, err := r.move(r.life, p, to); err != nil {
			r.log.Debug().Err(err).Str(fieldJob, p.job.id).Msg("forced move")
		}
	}
}

// pause draws from the exponential distribution with this mean.
func pause(dice *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(min(dice.ExpFloat64(), maxPause) * float64(mean))
}

// somewhere draws a place among home and the nodes that are up, other than the
// one where the process is. The nodes are sorted, so that a seed means the same
// places in every run.
func (r *Registry) somewhere(dice *rand.Rand, p *process) (wire.NodeID, bool) {
	here := r.where(p)
	var places []wire.NodeID
	for _, node := range append(r.cfg.Cluster.Reachable(), wire.Home) {
		if node != here {
			places = append(places, node)
		}
	}
	if len(places) == 0 {
		return 0, false
	}
	slices.Sort(places)
	return places[dice.IntN(len(places))], true
}
