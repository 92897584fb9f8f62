package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"

	"umosix/wire"
)

// mapBuilder adds one line after another to a map and finds what contradicts.
type mapBuilder struct {
	m        *Map
	nodeAt   map[wire.NodeID]int    // the line of a node
	addrAt   map[netip.AddrPort]int // the line of an address; aliases have port 0
	anyPort  map[netip.Addr]int     // the line of an address whatever its port
	aliases  []mapLine
	loopback int // a line with a loopback address, 0 if none
	routable int // a line with another one
}

func newMapBuilder(name string, lines []mapLine) *mapBuilder {
	return &mapBuilder{
		m: &Map{
			name:  name,
			lines: lines,
			addrs: make(map[wire.NodeID]netip.AddrPort),
			nodes: make(map[netip.AddrPort]wire.NodeID),
			hosts: make(map[netip.Addr][]wire.NodeID),
			names: make(map[string][]wire.NodeID),
			words: make(map[wire.NodeID]string),
		},
		nodeAt:  make(map[wire.NodeID]int),
		addrAt:  make(map[netip.AddrPort]int),
		anyPort: make(map[netip.Addr]int),
	}
}

// add takes a line whose host has this address.
func (b *mapBuilder) add(l mapLine, addr netip.Addr) error {
	if err := b.reach(l, addr); err != nil {
		return err
	}
	if l.span == 0 {
		return b.addAlias(l, addr)
	}
	if l.span > 1 && !addr.Is4() {
		return fmt.Errorf("a span of %d counts up an IPv4 address, %s is none: write one line for each node", l.span, addr)
	}
	if addr.Is4() && int(addr.As4()[3])+l.span-1 > 255 {
		return fmt.Errorf("%d addresses from %s on go past .255: split the line", l.span, addr)
	}
	port := l.port
	if port == 0 {
		port = DefaultPort
	}
	for i := range l.span {
		if err := b.addNode(l, l.first+wire.NodeID(i), netip.AddrPortFrom(addr, port)); err != nil {
			return err
		}
		addr = addr.Next()
	}
	if l.span == 1 {
		b.name(l)
		b.m.words[l.first] = l.hostPort()
	}
	return nil
}

func (b *mapBuilder) addNode(l mapLine, node wire.NodeID, at netip.AddrPort) error {
	if other, taken := b.nodeAt[node]; taken {
		return fmt.Errorf("node %d stands in line %d already", node, other)
	}
	other, taken := b.addrAt[at]
	if !taken {
		other, taken = b.addrAt[netip.AddrPortFrom(at.Addr(), 0)]
	}
	if taken {
		return fmt.Errorf("address %s of node %d stands in line %d already", at, node, other)
	}
	b.nodeAt[node], b.addrAt[at], b.anyPort[at.Addr()] = l.number, l.number, l.number
	b.m.addrs[node], b.m.nodes[at] = at, node
	b.m.hosts[at.Addr()] = append(b.m.hosts[at.Addr()], node)
	return nil
}

// addAlias takes a second address of a node, whose own line may come later.
func (b *mapBuilder) addAlias(l mapLine, addr netip.Addr) error {
	if other, taken := b.anyPort[addr]; taken {
		return fmt.Errorf("address %s stands in line %d already", addr, other)
	}
	b.anyPort[addr], b.addrAt[netip.AddrPortFrom(addr, 0)] = l.number, l.number
	b.m.hosts[addr] = []wire.NodeID{l.first}
	b.name(l)
	b.aliases = append(b.aliases, l)
	return nil
}

// name makes a line's host name find its node.
func (b *mapBuilder) name(l mapLine) {
	if nodes := b.m.names[l.host]; !slices.Contains(nodes, l.first) {
		b.m.names[l.host] = append(nodes, l.first)
	}
}

// reach refuses a map in which some nodes have loopback addresses and others do
// not: a name that /etc/hosts gives to the machine itself often means 127.0.1.1,
// which no other machine can reach.
func (b *mapBuilder) reach(l mapLine, addr netip.Addr) error {
	if addr.IsLoopback() {
		b.loopback = l.number
	} else {
		b.routable = l.number
	}
	if b.loopback == 0 || b.routable == 0 {
		return nil
	}
	if addr.IsLoopback() {
		return fmt.Errorf("%s is the loopback address %s, which other machines can't reach", l.host, addr)
	}
	return fmt.Errorf("address %s can't reach the loopback address in line %d", addr, b.loopback)
}

// finish checks what needs all lines.
func (b *mapBuilder) finish() (*Map, error) {
	for _, l := range b.aliases {
		if _, ok := b.m.addrs[l.first]; !ok {
			return nil, lineError(b.m.name, l.number, fmt.Errorf("an alias of node %d, which has no line of its own", l.first))
		}
	}
	if len(b.m.addrs) == 0 {
		return nil, fmt.Errorf("map %s: %w", b.m.name, errors.New("no node in it"))
	}
	for node := range b.m.addrs {
		b.m.order = append(b.m.order, node)
	}
	slices.Sort(b.m.order)
	b.m.digest = b.m.sum()
	return b.m, nil
}

// sum is the same for two maps exactly if every node has the same address.
func (m *Map) sum() uint64 {
	h := fnv.New64a()
	for _, node := range m.order {
		at := m.addrs[node]
		ip := at.Addr().As16()
		h.Write(binary.BigEndian.AppendUint16(ip[:], uint16(node)))
		h.Write(binary.BigEndian.AppendUint16(nil, at.Port()))
	}
	return h.Sum64()
}
