package harness

import (
	"fmt"
	"time"
)

// at is the node's entry of a list by node, or the zero value.
func at[T any](list []T, node int) (v T) {
	if node <= len(list) {
		v = list[node-1]
	}
	return v
}

// shape gives the node's card the rate and delay that the test wants.
func (s *space) shape(l Link) error {
	if l == (Link{}) {
		return nil
	}
	line := []string{"tc", "qdisc", "add", "dev", "eth0", "root", "netem"}
	if l.Delay > 0 {
		line = append(line, "delay", fmt.Sprintf("%dus", l.Delay.Microseconds()))
	}
	if l.Rate != "" {
		line = append(line, "rate", l.Rate)
	}
	return s.run(line...)
}

// Cut takes the node's cable out: nothing comes or goes, and nobody is told.
// Loopback nodes have no cable: the test is skipped.
func (n *Node) Cut() error { return n.cable("down") }

// Heal puts the cable back in.
func (n *Node) Heal() error { return n.cable("up") }

func (n *Node) cable(state string) error {
	if n.space == nil {
		n.c.t.Skip("loopback nodes have no link that can be cut")
	}
	// The hub's end goes down: the node's own card only loses its carrier, so that
	// its address and routes stay.
	return n.c.hub.run("ip", "link", "set", n.space.card, state)
}

// CutFor takes the cable out and puts it back in after d.
func (n *Node) CutFor(d time.Duration) error {
	if err := n.Cut(); err != nil {
		return err
	}
	time.Sleep(d)
	return n.Heal()
}
