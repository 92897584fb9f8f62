package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// starts are the times after the start at which all nodes are greeted again as
// long as nobody was heard: datagrams get lost.
var starts = []time.Duration{50 * time.Millisecond, 150 * time.Millisecond, 400 * time.Millisecond}

// pushEvery bounds how often Push sends.
const pushEvery = 20 * time.Millisecond

// Run tells and listens until ctx ends, then says goodbye, closes the transport
// and returns nil. It returns earlier only if the transport fails for good.
func (g *Gossip) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	var reader sync.WaitGroup
	reader.Go(func() { failed <- g.read() })
	defer reader.Wait()
	defer g.cfg.Transport.Close()
	g.send(g.round(g.cfg.Local(), time.Now(), g.greet))
	if err := g.greetAgain(ctx, failed); err != nil {
		return err
	}
	if err := g.tell(ctx, failed); err != nil {
		return err
	}
	g.goodbye()
	return nil
}

// greetAgain repeats the greeting until somebody is heard.
func (g *Gossip) greetAgain(ctx context.Context, failed <-chan error) error {
	begun := time.Now()
	for _, at := range starts {
		done, err := g.pause(ctx, time.Until(begun.Add(at)), failed)
		if done || err != nil || g.Counters().Believed > 0 {
			return err
		}
		g.send(g.round(g.cfg.Local(), time.Now(), g.greet))
	}
	return nil
}

// tell sends once a period, and when pushed.
func (g *Gossip) tell(ctx context.Context, failed <-chan error) error {
	for {
		done, err := g.pause(ctx, g.jittered(), failed)
		if done || err != nil {
			return err
		}
		now := time.Now()
		g.send(g.round(g.cfg.Local(), now, g.regular(now)))
		if done, err = g.rest(ctx, failed); done || err != nil {
			return err
		}
	}
}

// pause waits for d, or until pushed; done says that ctx has ended.
func (g *Gossip) pause(ctx context.Context, d time.Duration, failed <-chan error) (done bool, err error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return true, nil
	case err := <-failed:
		return true, err
	case <-g.push:
	case <-timer.C:
	}
	return false, nil
}

// rest keeps pushes apart.
func (g *Gossip) rest(ctx context.Context, failed <-chan error) (done bool, err error) {
	select {
	case <-ctx.Done():
		return true, nil
	case err := <-failed:
		return true, err
	case <-time.After(pushEvery):
	}
	return false, nil
}

// jittered is the period give or take a tenth, so that nodes started together
// don't send together for ever.
func (g *Gossip) jittered() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cfg.Period*9/10 + time.Duration(g.rng.Int64N(int64(g.cfg.Period)/5+1))
}

// goodbye tells everybody who is up that this node leaves.
func (g *Gossip) goodbye() {
	l := g.cfg.Local()
	l.Flags |= Leaving
	now := time.Now()
	g.send(g.round(l, now, g.part(now)))
}

// send puts datagrams on the wire. What can't be sent now is told next time.
func (g *Gossip) send(packets []packet) {
	var failed uint64
	for _, p := range packets {
		if err := g.cfg.Transport.Send(p.to, p.data); err != nil {
			failed++
			g.cfg.Log.Debug().Err(err).Stringer("to", p.to).Msg("gossip not sent")
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counters.Sent += uint64(len(packets)) - failed
	g.counters.Failed += failed
}

// maxFailures is how many errors in a row end the reading: an unconnected
// socket reports now and then what became of an earlier datagram.
const maxFailures = 100

// read takes datagrams in until the transport is closed.
func (g *Gossip) read() error {
	buf := make([]byte, MaxDatagram+1) // one more shows an oversized one
	for failures := 0; ; {
		n, from, err := g.cfg.Transport.Receive(buf)
		if err == nil {
			failures = 0
			g.send(g.receive(from, buf[:n], time.Now()))
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if failures++; failures == maxFailures {
			return fmt.Errorf("gossip: receive: %w", err)
		}
	}
}

// Transport carries datagrams.
type Transport interface {
	// Send sends one datagram; it never waits for long.
	Send(to netip.AddrPort, data []byte) error
	// Receive waits for one datagram; what does not fit into buf is cut off. After
	// Close it fails with net.ErrClosed.
	Receive(buf []byte) (n int, from netip.AddrPort, err error)
	Close() error
}
