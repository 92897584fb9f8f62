package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	crand "crypto/rand"

	"github.com/rs/zerolog"

	"umosix/wire"
	"umosix/wire/cluster"
)

// DefaultPeriod is how often a node tells others about itself.
const DefaultPeriod = time.Second

// Config is what a node's gossip needs.
type Config struct {
	Self      wire.NodeID
	Map       func() *cluster.Map // the map in use; asked again each period
	Keys      []cluster.GossipKey // of cluster.CA, current first
	Local     func() Local        // what to say about this node; asked each period, must not block
	Transport Transport           // closed by Run
	Period    time.Duration       // 0: DefaultPeriod
	Log       zerolog.Logger      // the zero value logs nothing
}

// Gossip is this node's part in the gossip. Its methods may be called from
// everywhere, before, during and after Run.
type Gossip struct {
	cfg     Config
	session uint64
	push    chan struct{}

	mu       sync.Mutex // guards all below
	keys     keyring
	rng      *rand.Rand
	table    *table
	peers    map[wire.NodeID]*peer
	rejected rejections
	counters Counters
}

// Counters count datagrams since the start.
type Counters struct {
	Sent     uint64
	Failed   uint64 // could not be sent
	Received uint64
	Believed uint64
}

// packet is a datagram on its way out.
type packet struct {
	to   netip.AddrPort
	data []byte
}

// New checks the configuration. Nothing is sent before Run.
func New(cfg Config) (*Gossip, error) {
	if cfg.Self == wire.Home || cfg.Map == nil || cfg.Local == nil || cfg.Transport == nil {
		return nil, errors.New("gossip: incomplete configuration")
	}
	if _, ok := cfg.Map().Address(cfg.Self); !ok {
		return nil, fmt.Errorf("gossip: node %d: %w", cfg.Self, cluster.ErrNotInMap)
	}
	keys, err := newKeyring(cfg.Keys)
	if err != nil {
		return nil, err
	}
	if cfg.Period <= 0 {
		cfg.Period = DefaultPeriod
	}
	g := &Gossip{
		cfg:     cfg,
		session: random(),
		push:    make(chan struct{}, 1),
		keys:    keys,
		rng:     rand.New(rand.NewPCG(random(), random())),
		table:   newTable(cfg.Self, uint64(max(1, time.Now().UnixMilli()))),
		peers:   make(map[wire.NodeID]*peer),
	}
	g.table.tell(cfg.Local())
	return g, nil
}

// random is a number that nobody can guess, and never 0.
func random() uint64 {
	var b [8]byte
	crand.Read(b[:])
	return binary.BigEndian.Uint64(b[:]) | 1
}

// Push tells the others at once, because something that they must know has
// changed: a flag, or a busy node has become idle.
func (g *Gossip) Push() {
	select {
	case g.push <- struct{}{}:
	default: // one is under way
	}
}

// SetKeys changes the keys while the cluster rotates its secret.
func (g *Gossip) SetKeys(keys []cluster.GossipKey) error {
	ring, err := newKeyring(keys)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.keys = ring
	return nil
}

// Snapshot is every node of the map as this node sees it, in the map's order.
func (g *Gossip) Snapshot() []Member {
	m := g.cfg.Map()
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	limit := g.table.limit(now, g.cfg.Period)
	out := make([]Member, 0, len(m.Nodes()))
	for _, node := range m.Nodes() {
		out = append(out, g.member(m, node, now, limit))
	}
	return out
}

// Member is one node of the map as this node sees it; false if it is not in the
// map.
func (g *Gossip) Member(node wire.NodeID) (Member, bool) {
	m := g.cfg.Map()
	if _, ok := m.Address(node); !ok {
		return Member{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	return g.member(m, node, now, g.table.limit(now, g.cfg.Period)), true
}

func (g *Gossip) member(m *cluster.Map, node wire.NodeID, now time.Time, limit time.Duration) Member {
	member := g.table.member(node, now, limit)
	if p, ok := g.peers[node]; ok && p.session != 0 {
		member.Differs = p.digest != m.Digest()
	}
	return member
}

// Rejected lists whose datagrams were not believed and why, the latest first.
func (g *Gossip) Rejected() []Rejection {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rejected.list(time.Now())
}

// Counters are the counts so far.
func (g *Gossip) Counters() Counters {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counters
}
