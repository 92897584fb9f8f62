package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"umosix/wire"
)

// ErrNotInMap is what Self wraps if this machine is not in the map.
var ErrNotInMap = errors.New("this machine is not in the map")

// LocalAddrs are the addresses of this machine.
func LocalAddrs() ([]netip.Addr, error) {
	nets, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list own addresses: %w", err)
	}
	var addrs []netip.Addr
	for _, n := range nets {
		if ip, ok := n.(*net.IPNet); ok {
			if a, ok := netip.AddrFromSlice(ip.IP); ok {
				addrs = append(addrs, a.Unmap())
			}
		}
	}
	return addrs, nil
}

// Self is the number of this node: told (from mospe or --node) if it is not 0,
// else the one node that has one of the local addresses. All of 127.0.0.0/8 is
// local where any of it is.
func (m *Map) Self(local []netip.Addr, told wire.NodeID) (wire.NodeID, error) {
	if told != wire.Home {
		if _, ok := m.addrs[told]; !ok {
			return 0, fmt.Errorf("%s: %w: there is no line for node %d, which this node is told to be (mospe or --node)",
				m.name, ErrNotInMap, told)
		}
		return told, nil
	}
	found := m.localNodes(local)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return 0, fmt.Errorf("%s: %w: no line has one of its addresses (%s): add one, or write this node's number into mospe or give --node N",
			m.name, ErrNotInMap, listAddrs(local))
	}
	return 0, fmt.Errorf("%s: nodes %s have addresses of this machine: write this node's number into mospe or give --node N",
		m.name, list(found))
}

// localNodes are the nodes with an address of this machine, aliases counted.
func (m *Map) localNodes(local []netip.Addr) []wire.NodeID {
	loopback := slices.ContainsFunc(local, netip.Addr.IsLoopback)
	var found []wire.NodeID
	for addr, nodes := range m.hosts {
		own := slices.Contains(local, addr) || loopback && addr.Is4() && addr.IsLoopback()
		if own {
			found = append(found, nodes...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func listAddrs(addrs []netip.Addr) string {
	var words []string
	for _, a := range addrs {
		if !a.IsLoopback() && !a.IsLinkLocalUnicast() && len(words) < 4 {
			words = append(words, a.String())
		}
	}
	if words == nil {
		return "it has none but loopback"
	}
	return strings.Join(words, ", ")
}

// MospeName is the file that holds this node's number where its addresses do not
// tell it.
const MospeName = "mospe"

// LoadMospe reads that file: 0 if there is none.
func LoadMospe(path string) (wire.NodeID, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("mospe: %w", err)
	}
	node, err := ParseNode(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, lineError(path, 1, err)
	}
	return node, nil
}
