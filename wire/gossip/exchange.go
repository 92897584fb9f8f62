package gossip

import (
	"errors"
	"net/netip"
	"time"

	"umosix/wire"
	"umosix/wire/cluster"
)

// round is what one period sends: a new report of this node to those chosen.
func (g *Gossip) round(l Local, now time.Time, chosen func(*cluster.Map) []wire.NodeID) []packet {
	m := g.cfg.Map()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.table.tell(l)
	g.forget(m)
	var out []packet
	entries := g.table.freshest(MaxEntries, now)
	for _, node := range chosen(m) {
		out = append(out, g.packets(m, node, g.peer(node).session, false, entries, nil)...)
	}
	return out
}

// forget drops what belongs to nodes that have left the map.
func (g *Gossip) forget(m *cluster.Map) {
	known := func(n wire.NodeID) bool {
		_, ok := m.Address(n)
		return ok
	}
	g.table.keep(known)
	for node := range g.peers {
		if !known(node) {
			delete(g.peers, node)
		}
	}
}

// regular chooses for a usual period; the lock is held.
func (g *Gossip) regular(now time.Time) func(*cluster.Map) []wire.NodeID {
	return func(m *cluster.Map) []wire.NodeID {
		limit := g.table.limit(now, g.cfg.Period)
		up := func(n wire.NodeID) bool {
			r, ok := g.table.rest[n]
			return ok && r.up(now, limit)
		}
		return choose(m.Nodes(), g.cfg.Self, up, g.rng)
	}
}

// greet chooses for the start: as many as a burst may have.
func (g *Gossip) greet(m *cluster.Map) []wire.NodeID {
	return some(m.Nodes(), g.cfg.Self, greeted, g.rng)
}

// part chooses for the end: whoever is up.
func (g *Gossip) part(now time.Time) func(*cluster.Map) []wire.NodeID {
	return func(m *cluster.Map) []wire.NodeID {
		limit := g.table.limit(now, g.cfg.Period)
		var live []wire.NodeID
		for node, r := range g.table.rest {
			if r.up(now, limit) {
				live = append(live, node)
			}
		}
		return some(live, g.cfg.Self, greeted, g.rng)
	}
}

func (g *Gossip) peer(node wire.NodeID) *peer {
	p, ok := g.peers[node]
	if !ok {
		p = new(peer)
		g.peers[node] = p
	}
	return p
}

// packets are the datagrams that tell one node these entries: one, or one for
// each own key while it is not known which of them the node has. Without an echo
// nothing would be believed, so nothing is told.
func (g *Gossip) packets(m *cluster.Map, node wire.NodeID, echo uint64, want bool, entries []Entry, keys keyring) []packet {
	to, ok := m.Address(node)
	if !ok {
		return nil
	}
	if echo == 0 {
		entries = nil
	}
	p := g.peer(node)
	if keys == nil {
		keys = g.keys.common(p.accepts)
	}
	var out []packet
	for _, s := range keys {
		p.sent++
		msg := message{Session: g.session, Echo: echo, Seq: p.sent, Digest: m.Digest(), Want: want, Accepts: g.keys.ids(), Entries: entries}
		out = append(out, packet{to, s.seal(g.cfg.Self, node, msg)})
	}
	return out
}

// receive takes a datagram in and returns what is to be sent in answer.
func (g *Gossip) receive(from netip.AddrPort, data []byte, now time.Time) []packet {
	m := g.cfg.Map()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counters.Received++
	h, msg, err := g.open(m, data)
	if err != nil {
		g.reject(m, from, h, err, now)
		return nil
	}
	p := g.peer(h.from)
	switch p.judge(msg, g.session, now) {
	case replayed:
		g.reject(m, from, h, errReplayed, now)
	case greeting:
		answer := g.keys.common([]uint32{h.key})
		return g.packets(m, h.from, msg.Session, true, g.table.freshest(MaxEntries, now), answer)
	case believed:
		g.counters.Believed++
		g.rejected.good(from)
		g.mergeAll(m, msg.Entries, now)
		if msg.Want {
			return g.packets(m, h.from, p.session, false, g.table.freshest(MaxEntries, now), nil)
		}
	case ignored:
	}
	return nil
}

// The reasons to reject a datagram that come after the header.
var (
	errReplayed = errors.New("replayed datagram")
	errStranger = errors.New("datagram from a stranger")
)

// open reads a datagram that is for this node, from another one of the map.
func (g *Gossip) open(m *cluster.Map, data []byte) (header, message, error) {
	h, err := parseHeader(data)
	if err != nil {
		return h, message{}, err
	}
	msg, err := g.keys.open(h, data)
	if err != nil {
		return h, msg, err
	}
	if _, ok := m.Address(h.from); !ok || h.to != g.cfg.Self || h.from == g.cfg.Self {
		return h, msg, errStranger
	}
	return h, msg, nil
}

// reject counts a datagram under its source.
func (g *Gossip) reject(m *cluster.Map, from netip.AddrPort, h header, err error, now time.Time) {
	node, _ := m.Node(from)
	row := g.rejected.row(from, node, now)
	row.Claims = h.from
	switch {
	case errors.Is(err, errSecret):
		row.Secret++
	case errors.Is(err, errReplayed):
		row.Replayed++
	case errors.Is(err, errStranger):
		row.Stranger++
	default:
		row.Malformed++
	}
}

// mergeAll takes over what is new about the nodes of the map.
func (g *Gossip) mergeAll(m *cluster.Map, entries []Entry, now time.Time) {
	for _, e := range entries {
		if _, ok := m.Address(e.Node); !ok {
			continue
		}
		if g.table.merge(e, now) && e.Node == g.cfg.Self {
			g.Push()
		}
	}
}
