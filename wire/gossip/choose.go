package gossip

import (
	"math/rand/v2"

	"umosix/wire"
)

const (
	// fanOut is how many live nodes are told in each period.
	fanOut = 3
	// everybody is the size up to which all nodes are told, live or not.
	everybody = 8
	// greeted is how many nodes are told at the start and at the end of a run.
	greeted = 256
)

// choose picks whom to tell in this period. In a small cluster that is
// everybody. In a larger one it is fanOut random live nodes, so that no time is
// lost on the dead, and one of all nodes, so that those that came (back) are
// found; where fewer are live, others take their places.
func choose(nodes []wire.NodeID, self wire.NodeID, up func(wire.NodeID) bool, rng *rand.Rand) []wire.NodeID {
	if len(nodes) <= everybody {
		return some(nodes, self, everybody, rng)
	}
	var live []wire.NodeID
	for _, n := range nodes {
		if n != self && up(n) {
			live = append(live, n)
		}
	}
	picked := some(live, self, fanOut, rng)
	for _, n := range some(nodes, self, 2*fanOut+1, rng) {
		if len(picked) > fanOut {
			break
		}
		if !contains(picked, n) {
			picked = append(picked, n)
		}
	}
	return picked
}

// some are at most n of the nodes, without self; random ones if there are more.
func some(nodes []wire.NodeID, self wire.NodeID, n int, rng *rand.Rand) []wire.NodeID {
	var picked []wire.NodeID
	if len(nodes) <= n+1 {
		for _, node := range nodes {
			if node != self && len(picked) < n {
				picked = append(picked, node)
			}
		}
		return picked
	}
	taken := make(map[wire.NodeID]bool)
	for len(picked) < n {
		node := nodes[rng.IntN(len(nodes))]
		if node != self && !taken[node] {
			taken[node] = true
			picked = append(picked, node)
		}
	}
	return picked
}

func contains(nodes []wire.NodeID, n wire.NodeID) bool {
	for _, each := range nodes {
		if each == n {
			return true
		}
	}
	return false
}
