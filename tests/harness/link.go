package harness

import (
	"fmt"
	"strings"
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
	line := []string{"tc", "qdisc", "add", "dev", "eth0", "root"}
	if l.Delay == 0 { // kernels without netem can do this
		return s.run(append(line, "tbf", "rate", l.Rate, "burst", "64kb", "latency", "100ms")...)
	}
	line = append(line, "netem", "delay", fmt.Sprintf("%dus", l.Delay.Microseconds()))
	if l.Rate != "" {
		line = append(line, "rate", l.Rate)
	}
	return s.run(line...)
}

// Cut takes the node's cable out: nothing comes or goes, and nobody is told.
// Loopback nodes have no cable: the test is skipped.
func (n *Node) Cut() error { return n.cable("down") }

// carrierLimit bounds how long the kernel takes to notice that a cable is back: it
// looks once a second at most (net/core/link_watch.c).
const carrierLimit = 5 * time.Second

// Heal puts the cable back in and waits until it carries.
func (n *Node) Heal() error {
	if err := n.cable("up"); err != nil {
		return err
	}
	for _, end := range []struct {
		space *space
		card  string
	}{{n.space, "eth0"}, {&n.c.hub.space, n.space.card}} {
		err := Poll(carrierLimit, func() error { return end.space.carries(end.card) })
		if err != nil {
			return err
		}
	}
	return nil
}

// carries says why a card does not carry.
func (s *space) carries(card string) error {
	out, err := s.output("ip", "link", "show", "dev", card)
	if err == nil && !strings.Contains(out, " state UP ") {
		err = fmt.Errorf("%s has no carrier: %s", card, out)
	}
	return err
}

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
