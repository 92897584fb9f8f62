package main

import "umosix/wire/gossip"

// standardSpeed is the speed of the standard processor; until nodes are measured
// all are equal.
const standardSpeed = 10000

// local is what this node says about itself. What cannot be measured stays zero.
func (d *daemon) local() gossip.Local {
	l, err := d.sampler.Sample()
	if err != nil {
		d.log.Warn().Err(err).Msg("node not measured")
	}
	l.Flags = gossip.Flags(d.flags.Load())
	l.Guests, l.Away = clamp(d.host.Count()), clamp(d.jobs.Away())
	if l.Speed = d.conf.Speed; l.Speed == 0 {
		l.Speed = standardSpeed
	}
	if l.Flags.Has(gossip.Quiet) {
		l.Load = 0
	}
	return l
}

func clamp(n int) uint16 { return uint16(min(n, 1<<16-1)) }
