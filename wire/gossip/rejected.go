package gossip

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"umosix/wire"
)

// maxSources bounds how many sources outside the map are counted one by one.
const maxSources = 64

// Rejection counts the datagrams of one source that were not believed.
type Rejection struct {
	Source    netip.AddrPort // invalid: all further sources together
	Node      wire.NodeID    // which the map has at Source, 0 if none
	Claims    wire.NodeID    // whom the last of them named as its sender, true or not
	Secret    uint64         // sealed with another secret; 0 again after a good one
	Malformed uint64         // truncated, oversized, or not ours at all
	Replayed  uint64         // seen before, or of an earlier run
	Stranger  uint64         // from a node not in the map, or not meant for this one
	Ago       time.Duration  // since the last of them
}

// String says it as one line for people.
func (r Rejection) String() string {
	who := r.Source.String()
	switch {
	case r.Node != wire.Home:
		who = fmt.Sprintf("node %d (%s)", r.Node, r.Source)
	case !r.Source.IsValid():
		who = "others"
	}
	switch {
	case r.Secret > 0:
		return who + " uses another secret: copy the secret of one node to all"
	case r.Stranger > 0:
		return fmt.Sprintf("%s sends as node %d, which the map of this node does not have like that: compare the maps", who, r.Claims)
	}
	return fmt.Sprintf("%s sent %d malformed and %d repeated datagrams", who, r.Malformed, r.Replayed)
}

// rejections counts by source, within bounds whatever arrives.
type rejections struct {
	by      map[netip.AddrPort]*rejected
	unknown int // sources in by that the map does not have
}

type rejected struct {
	Rejection
	last time.Time
}

// row is where datagrams of a source are counted; node is the source's in the
// map, 0 if it is not there.
func (r *rejections) row(source netip.AddrPort, node wire.NodeID, now time.Time) *rejected {
	if r.by == nil {
		r.by = make(map[netip.AddrPort]*rejected)
	}
	row, ok := r.by[source]
	if !ok && node == wire.Home {
		if r.unknown >= maxSources {
			source = netip.AddrPort{}
			row, ok = r.by[source]
		} else {
			r.unknown++
		}
	}
	if !ok {
		row = &rejected{Rejection: Rejection{Source: source}}
		r.by[source] = row
	}
	row.Node, row.last = node, now
	return row
}

// good notes that a source has the right secret.
func (r *rejections) good(source netip.AddrPort) {
	if row, ok := r.by[source]; ok {
		row.Secret = 0
	}
}

// list is everything counted, the latest first.
func (r *rejections) list(now time.Time) []Rejection {
	var out []Rejection
	for _, row := range r.by {
		each := row.Rejection
		each.Ago = now.Sub(row.last)
		out = append(out, each)
	}
	slices.SortFunc(out, func(a, b Rejection) int {
		if a.Ago != b.Ago {
			return int(a.Ago - b.Ago)
		}
		return a.Source.Compare(b.Source)
	})
	return out
}
