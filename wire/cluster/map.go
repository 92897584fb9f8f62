package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"umosix/wire"
)

// Map says which nodes a cluster has and where they are. It never changes once
// it is made.
type Map struct {
	name   string // of the file, for errors
	lines  []mapLine
	order  []wire.NodeID // ascending
	addrs  map[wire.NodeID]netip.AddrPort
	nodes  map[netip.AddrPort]wire.NodeID
	hosts  map[netip.Addr][]wire.NodeID // aliases too
	names  map[string][]wire.NodeID     // host names as written, of lines about one node
	words  map[wire.NodeID]string       // the hosts of such lines, with their port
	digest uint64
}

// Nodes are the numbers of all nodes, ascending; the slice is not to be changed.
func (m *Map) Nodes() []wire.NodeID { return m.order }

// Address is where a node listens, by TCP and UDP.
func (m *Map) Address(node wire.NodeID) (netip.AddrPort, bool) {
	at, ok := m.addrs[node]
	return at, ok
}

// Node is the node at an address. The port decides between nodes that share an
// address; otherwise it may be any, because connections come from other ports.
func (m *Map) Node(at netip.AddrPort) (wire.NodeID, bool) {
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if node, ok := m.nodes[at]; ok {
		return node, true
	}
	if nodes := m.hosts[at.Addr()]; len(nodes) == 1 {
		return nodes[0], true
	}
	return 0, false
}

// Find reads a node as users write it: its number, a host name as it stands in
// the map, or one of its addresses.
func (m *Map) Find(word string) (wire.NodeID, error) {
	if node, err := ParseNode(word); err == nil {
		if _, ok := m.addrs[node]; !ok {
			return 0, fmt.Errorf("node %d is not in the map", node)
		}
		return node, nil
	}
	if at, err := netip.ParseAddrPort(word); err == nil {
		if node, ok := m.nodes[at]; ok {
			return node, nil
		}
	}
	nodes := m.names[word]
	if addr, err := netip.ParseAddr(word); err == nil {
		nodes = m.hosts[addr.Unmap()]
	}
	switch len(nodes) {
	case 1:
		return nodes[0], nil
	case 0:
		return 0, fmt.Errorf("no node %.60q in the map", word)
	}
	return 0, fmt.Errorf("nodes %s share the host %s: give a number", list(nodes), word)
}

// Host is the node's host as users may write it: the name or address in the map.
func (m *Map) Host(node wire.NodeID) string {
	if word, ok := m.words[node]; ok {
		return word
	}
	at := m.addrs[node]
	if at.Port() == DefaultPort {
		return at.Addr().String()
	}
	return at.String()
}

// Digest is equal for maps that give every node the same address; nodes compare
// it to notice that somebody's map differs.
func (m *Map) Digest() uint64 { return m.digest }

// Name is the file that the map was read from.
func (m *Map) Name() string { return m.name }

// String prints the map in the syntax of the file, without its comments.
func (m *Map) String() string {
	var b strings.Builder
	for _, l := range m.lines {
		b.WriteString(l.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// list prints nodes for people: a few of many.
func list(nodes []wire.NodeID) string {
	var words []string
	for i, n := range slices.Sorted(slices.Values(nodes)) {
		if i == 5 {
			words = append(words, "...")
			break
		}
		words = append(words, n.String())
	}
	return strings.Join(words, ", ")
}

// Live is the map in use. A new one takes its place as a whole or not at all.
type Live struct{ p atomic.Pointer[Map] }

// NewLive starts with m.
func NewLive(m *Map) *Live {
	l := new(Live)
	l.p.Store(m)
	return l
}

// Map is the one in use now.
func (l *Live) Map() *Map { return l.p.Load() }

// Replace puts m in the place of the present map for a daemon that runs as node
// self. It refuses a map in which that node is missing or elsewhere; the present
// one then stays.
func (l *Live) Replace(m *Map, self wire.NodeID) error {
	was, _ := l.Map().Address(self)
	is, ok := m.Address(self)
	if !ok {
		return fmt.Errorf("map %s: this node, %d, is not in it: the present map stays (setpe -off leaves the cluster)", m.name, self)
	}
	if was != is {
		return fmt.Errorf("map %s: this node, %d, moves from %s to %s: the present map stays; stop mosd, then start it with the new one",
			m.name, self, was, is)
	}
	l.p.Store(m)
	return nil
}
