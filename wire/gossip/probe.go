package gossip

import (
	"context"
	"time"

	"umosix/wire"
)

// A silent node is asked this often, and looked at this often, until the caller's
// time is over.
const (
	probeEvery = 100 * time.Millisecond
	probeLook  = 5 * time.Millisecond
)

// Probe is Member that gives a node that seems to be down a chance to show that it
// has come back: it is asked for a sign of life until one comes or ctx ends.
func (g *Gossip) Probe(ctx context.Context, node wire.NodeID) (Member, bool) {
	look := time.NewTicker(probeLook)
	defer look.Stop()
	var asked time.Time
	for {
		member, ok := g.Member(node)
		if !ok || member.Up {
			return member, ok
		}
		if time.Since(asked) >= probeEvery {
			asked = time.Now()
			g.send(g.wake(node))
		}
		select {
		case <-ctx.Done():
			return member, ok
		case <-look.C:
		}
	}
}

// wake makes the datagrams that ask one node to answer at once.
func (g *Gossip) wake(node wire.NodeID) []packet {
	m := g.cfg.Map()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.packets(m, node, g.peer(node).session, true, g.table.freshest(MaxEntries, time.Now()), nil)
}
