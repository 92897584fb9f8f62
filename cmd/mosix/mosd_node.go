package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"umosix/deputy/jobs"
	"umosix/wire"
	"umosix/wire/cluster"
	"umosix/wire/control"
	"umosix/wire/gossip"
)

// These methods make a daemon the jobs.Cluster of its registry.

// Resolve finds a node by number, host name or address.
func (d *daemon) Resolve(name string) (wire.NodeID, error) { return d.live.Map().Find(name) }

// Reachable lists the other nodes that are up.
func (d *daemon) Reachable() []wire.NodeID {
	var nodes []wire.NodeID
	for _, member := range d.gossip.Snapshot() {
		if member.Up && member.Node != d.self {
			nodes = append(nodes, member.Node)
		}
	}
	return nodes
}

// MayGo applies the map, and allow, deny and root-ok of mosix.conf.
func (d *daemon) MayGo(uid int, to wire.NodeID) error {
	if _, err := d.addressOf(to); err != nil {
		return err
	}
	return d.conf.Permits(to, uid == 0)
}

// Admit asks a node to take guests in, unless it is known to be down.
func (d *daemon) Admit(ctx context.Context, to wire.NodeID, ask control.Admit) (jobs.Admission, error) {
	if err := d.reachable(ctx, to); err != nil {
		return jobs.Admission{}, err
	}
	return d.peers.Admit(ctx, to, ask)
}

// Return asks the home of a guest here to move it.
func (d *daemon) Return(ctx context.Context, home wire.NodeID, ask control.Return) (control.Migrated, error) {
	if err := d.reachable(ctx, home); err != nil {
		return control.Migrated{}, err
	}
	return d.peers.Return(ctx, home, ask)
}

// Issue makes the certificate of a deputy.
func (d *daemon) Issue(job string, uid int) (control.Credentials, error) {
	return d.issuer(wire.KindDeputy)(job, uid)
}

func (d *daemon) issuer(kind wire.Kind) func(string, int) (control.Credentials, error) {
	return func(job string, uid int) (control.Credentials, error) {
		return d.ca.Issue(wire.Identity{Node: d.self, Kind: kind, Job: job, Uid: uid}, cluster.JobTTL)
	}
}

// probeLimit is how long a node that seems to be down may take to show that it has
// come back: the kernel asks for its link address once a second (man 7 arp,
// retrans_time_ms).
const probeLimit = 1500 * time.Millisecond

// reachable says why a node can't be asked.
func (d *daemon) reachable(ctx context.Context, node wire.NodeID) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	member, ok := d.gossip.Probe(ctx, node)
	switch {
	case !ok:
		return control.NotFound("node %v is not in the map", node)
	case member.Up:
		return nil
	case !member.Heard:
		return control.Refused("node %v is down: nothing was heard of it", node)
	}
	return control.Refused("node %v is down: last heard of %v ago", node, member.Age.Round(time.Second))
}

func (d *daemon) addressOf(node wire.NodeID) (string, error) {
	at, ok := d.live.Map().Address(node)
	if !ok {
		return "", fmt.Errorf("node %v is not in the map", node)
	}
	return at.String(), nil
}

// These methods make a daemon the control.NodeVerbs of its socket.

// Status is mosctl status.
func (d *daemon) Status(ctx context.Context) (control.Status, error) {
	peers, err := d.Peers(ctx)
	return control.Status{
		Node: d.self, Pid: os.Getpid(), Version: version(), Listen: d.address, StateDir: d.dir,
		Map: d.live.Map().Name(), Flags: d.flagNames(), Peers: peers,
		Guests: d.host.Count(), Away: d.jobs.Away(),
		Attach: string(jobs.ProbeAttach()), Cage: d.host.Cage(),
	}, err
}

// Peers lists the other nodes.
func (d *daemon) Peers(context.Context) ([]control.Neighbour, error) {
	table := d.live.Map()
	list := []control.Neighbour{}
	for _, member := range d.gossip.Snapshot() {
		if member.Node == d.self {
			continue
		}
		age := int64(-1)
		if member.Heard {
			age = member.Age.Milliseconds()
		}
		list = append(list, control.Neighbour{Node: member.Node, Host: table.Host(member.Node), Up: member.Up, Age: age})
	}
	return list, nil
}

// Nodes tells the load of every node, this one too.
func (d *daemon) Nodes(context.Context) ([]control.NodeLoad, error) {
	table := d.live.Map()
	list := []control.NodeLoad{}
	for _, m := range d.gossip.Snapshot() {
		load := control.NodeLoad{Node: m.Node, Host: table.Host(m.Node), State: "dead", Age: -1}
		if m.Heard {
			load.Age = m.Age.Milliseconds()
			load.Load, load.Speed, load.CPUs = float64(m.Load)/100, m.Speed, m.CPUs
			load.MemTotal, load.MemFree = m.MemTotal, m.MemFree
			load.Utilisation = float64(m.Utilisation) / 1000
			load.Guests, load.Away = m.Guests, m.Away
		}
		if m.Up {
			load.State = "up"
		}
		list = append(list, load)
	}
	return list, nil
}

// IsUp tells whether a node of the map is up.
func (d *daemon) IsUp(_ context.Context, node wire.NodeID) (bool, error) {
	member, ok := d.gossip.Member(node)
	if !ok {
		return false, control.NotFound("node %v is not in the map", node)
	}
	return member.Up, nil
}

// flagsByName are the flags that a user sets.
var flagsByName = map[string]gossip.Flags{
	"stay": gossip.Stay, "lstay": gossip.LocalStay, "block": gossip.Block, "quiet": gossip.Quiet,
}

// SetFlag sets or clears one flag and tells the other nodes.
func (d *daemon) SetFlag(_ context.Context, req control.SetFlag) error {
	flag, ok := flagsByName[req.Flag]
	if !ok {
		return control.Invalid("there is no flag %q", req.Flag)
	}
	d.setFlags(flag, req.On)
	return nil
}

// Stop ends the daemon as SIGTERM does.
func (d *daemon) Stop(context.Context) error {
	d.stop()
	return nil
}

func (d *daemon) setFlags(flags gossip.Flags, on bool) {
	if on {
		d.flags.Or(uint32(flags))
	} else {
		d.flags.And(^uint32(flags))
	}
	d.gossip.Push()
}

func (d *daemon) flag(flag gossip.Flags) bool { return gossip.Flags(d.flags.Load()).Has(flag) }

func (d *daemon) flagNames() []string {
	names := gossip.Flags(d.flags.Load()).String()
	if names == "" {
		return []string{}
	}
	return strings.Split(names, ",")
}
