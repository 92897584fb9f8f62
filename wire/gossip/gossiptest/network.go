// Package gossiptest owns a network of datagrams in memory, the twin of UDP for
// tests: a seed decides what it loses, repeats and delays, and it works under
// testing/synctest.
package gossiptest

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"umosix/wire/gossip"
)

// queue is how many datagrams wait for a receiver before more are lost.
const queue = 1024

// Network connects transports. Its settings may be changed at any time by Set.
type Network struct {
	mu    sync.Mutex // guards all below
	rng   *rand.Rand
	set   Settings
	ports map[netip.AddrPort]*port
	cut   map[[2]netip.AddrPort]bool
	tap   func(from, to netip.AddrPort, data []byte)
}

// Settings say how bad the network is.
type Settings struct {
	Loss   float64       // the share of datagrams that get lost
	Repeat float64       // the share that arrives twice
	Delay  time.Duration // each arrives after 0 to Delay, so they overtake each other
}

// New makes a perfect network; the seed decides what a worse one does.
func New(seed uint64) *Network {
	return &Network{
		rng:   rand.New(rand.NewPCG(seed, seed)),
		ports: make(map[netip.AddrPort]*port),
		cut:   make(map[[2]netip.AddrPort]bool),
	}
}

// Set changes how bad the network is.
func (n *Network) Set(s Settings) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.set = s
}

// Cut cuts or mends the line between two addresses, both ways.
func (n *Network) Cut(a, b netip.AddrPort, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]netip.AddrPort{a, b}], n.cut[[2]netip.AddrPort{b, a}] = cut, cut
}

// Tap shows every datagram sent to f, which must not keep the data.
func (n *Network) Tap(f func(from, to netip.AddrPort, data []byte)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tap = f
}

// Listen opens a transport at an address that is free.
func (n *Network) Listen(at netip.AddrPort) (gossip.Transport, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ports[at] != nil {
		return nil, errors.New("address in use")
	}
	p := &port{net: n, at: at, in: make(chan datagram, queue), closed: make(chan struct{})}
	n.ports[at] = p
	return p, nil
}

// Inject delivers a datagram as if from had sent it, whatever the settings.
func (n *Network) Inject(from, to netip.AddrPort, data []byte) {
	n.deliver(datagram{from, append([]byte(nil), data...)}, to)
}

// send loses, repeats and delays.
func (n *Network) send(from, to netip.AddrPort, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.tap != nil {
		n.tap(from, to, data)
	}
	if n.cut[[2]netip.AddrPort{from, to}] || n.rng.Float64() < n.set.Loss {
		return
	}
	d := datagram{from, append([]byte(nil), data...)}
	copies := 1
	if n.rng.Float64() < n.set.Repeat {
		copies = 2
	}
	for range copies {
		wait := time.Duration(n.rng.Int64N(int64(n.set.Delay) + 1))
		time.AfterFunc(wait, func() { n.deliver(d, to) })
	}
}

func (n *Network) deliver(d datagram, to netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.ports[to]; p != nil {
		select {
		case p.in <- d:
		default: // as a full socket buffer
		}
	}
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

// port is one end.
type port struct {
	net    *Network
	at     netip.AddrPort
	in     chan datagram
	once   sync.Once
	closed chan struct{}
}

func (p *port) Send(to netip.AddrPort, data []byte) error {
	select {
	case <-p.closed:
		return net.ErrClosed
	default:
	}
	p.net.send(p.at, to, data)
	return nil
}

func (p *port) Receive(buf []byte) (int, netip.AddrPort, error) {
	select {
	case <-p.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	case d := <-p.in:
		return copy(buf, d.data), d.from, nil
	}
}

func (p *port) Close() error {
	p.once.Do(func() {
		close(p.closed)
		p.net.mu.Lock()
		defer p.net.mu.Unlock()
		if p.net.ports[p.at] == p {
			delete(p.net.ports, p.at)
		}
	})
	return nil
}
