package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"umosix/deputy/jobs"
	"umosix/remote/host"
	"umosix/wire"
	"umosix/wire/cluster"
	"umosix/wire/control"
	"umosix/wire/gossip"
)

// daemon is a node: it ties the parts of mosd together.
type daemon struct {
	*setup
	stop     context.CancelFunc
	live     *cluster.Live
	address  string // where it listens, by TCP and UDP
	tcp      net.Listener
	gossip   *gossip.Gossip
	peers    *jobs.Peers
	jobs     *jobs.Registry
	host     *host.Host
	flags    atomic.Uint32 // gossip.Flags
	sampler  gossip.Sampler
	identity credentialCache
}

// newDaemon opens the node's port and makes its parts. Nothing is served yet.
func newDaemon(s *setup, stop context.CancelFunc) (*daemon, error) {
	d := &daemon{setup: s, stop: stop, live: cluster.NewLive(s.table), sampler: gossip.NewSampler()}
	at, ok := s.table.Address(s.self)
	if !ok {
		return nil, fmt.Errorf("node %v is not in the map %s", s.self, s.table.Name())
	}
	d.address = at.String()
	d.identity.issue = func() (control.Credentials, error) {
		return s.ca.Issue(wire.Identity{Node: s.self, Kind: wire.KindMosd, Uid: wire.NoUid}, cluster.JobTTL)
	}
	var err error
	if d.tcp, err = net.Listen("tcp", d.address); err != nil {
		return nil, fmt.Errorf("node %v: %w", s.self, err)
	}
	udp, err := gossip.Listen(at)
	if err == nil {
		err = d.join(udp)
	}
	if err != nil {
		d.tcp.Close()
		return nil, err
	}
	return d, nil
}

// join makes the parts that speak to other nodes.
func (d *daemon) join(udp gossip.Transport) error {
	hello := control.PeerHello{Protocol: control.PeerProtocol, Node: d.self, Version: version()}
	d.peers = &jobs.Peers{Hello: hello, Address: d.addressOf, Credentials: d.identity.get}
	d.host = host.New(host.Config{
		Self: d.self, Uid: os.Geteuid(), Dir: d.dir, Socket: d.socket, Grace: d.conf.Grace, Hello: hello,
		Policy:      d.policy,
		Credentials: d.identity.get,
		Issue:       d.issuer(wire.KindExecutor),
		Return: func(ctx context.Context, from wire.NodeID, ask control.Return) (control.Migrated, error) {
			return d.jobs.MigrateGuest(ctx, from, ask)
		},
		Log: d.log, LogLevel: d.level, FalseClock: int64(d.falseClock), WeakCage: d.weakCage,
	})
	var err error
	d.jobs, err = jobs.Open(jobs.Config{
		Self: d.self, Uid: os.Geteuid(), Dir: d.dir, Socket: d.socket, Grace: d.conf.Grace,
		Attach: jobs.ProbeAttach(), Cluster: d, Log: d.log, LogLevel: d.level, FalseClock: int64(d.falseClock),
	})
	if err != nil {
		return err
	}
	d.gossip, err = gossip.New(gossip.Config{
		Self: d.self, Map: d.live.Map, Keys: d.ca.GossipKeys(), Local: d.local, Transport: udp, Log: d.log,
	})
	return err
}

// policy is what holds for guests now.
func (d *daemon) policy() host.Policy {
	p := host.PolicyOf(d.conf, d.flag(gossip.Block))
	p.Free = d.sampler.MemFree
	return p
}

// run serves until the context ends, then sends guests away and brings own
// processes home.
func (d *daemon) run(ctx context.Context, socket net.Listener) error {
	serving, cut := context.WithCancel(context.Background())
	defer cut()
	var parts sync.WaitGroup
	failed := make(chan error, 3)
	start := func(name string, serve func(context.Context) error) {
		parts.Go(func() {
			if err := serve(serving); err != nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	api := &control.Server{Jobs: d.jobs, Guests: d.host, Node: d, Owner: os.Geteuid()}
	start("control socket", func(ctx context.Context) error { return api.Serve(ctx, socket) })
	start("port", func(ctx context.Context) error { return d.host.Serve(ctx, d.tcp) })
	start("gossip", d.gossip.Run)
	d.jobs.Start()
	d.log.Info().Str("listen", d.address).Str("state", d.dir).Str("version", version()).Msg("ready")
	var err error
	select {
	case <-ctx.Done():
		err = d.drain()
	case err = <-failed:
	}
	cut()
	d.peers.Close()
	d.jobs.Close() // first: moves that other nodes have asked for end with it
	d.host.Close()
	parts.Wait()
	d.log.Info().AnErr("reason", err).Msg("ended")
	return err
}

// drainTimeout bounds the end of a daemon.
const drainTimeout = 90 * time.Second

// drain empties the node: guests first, then what this home has elsewhere.
func (d *daemon) drain() error {
	d.log.Info().Int("guests", d.host.Count()).Int("away", d.jobs.Away()).Msg("stopping")
	d.setFlags(gossip.Draining|gossip.Block, true)
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	return errors.Join(d.host.Leave(ctx), d.jobs.Drain(ctx))
}

// credentialCache keeps mosd's own certificate until half of its life is over.
type credentialCache struct {
	issue func() (control.Credentials, error)
	mu    sync.Mutex
	creds control.Credentials
	until time.Time
}

func (c *credentialCache) get() (control.Credentials, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.After(c.until) {
		creds, err := c.issue()
		if err != nil {
			return creds, err
		}
		c.creds, c.until = creds, now.Add(cluster.JobTTL/2)
	}
	return c.creds, nil
}
