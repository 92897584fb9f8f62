package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"umosix/remote/cage"
	"umosix/wire"
	"umosix/wire/cluster"
	"umosix/wire/control"
)

// checkCluster asks the daemon what it is and whom it sees, and tries the ways to
// the other nodes itself.
func checkCluster(root *mosctlCmd) []cage.Check {
	status, err := root.status()
	if err != nil {
		return []cage.Check{{Name: "daemon", Result: oneLine(err), Why: "without it programs run at home only",
			Fix: "mosd & (a node of a cluster), or mosctl local up (a try-out cluster)"}, checkPorts()}
	}
	checks := []cage.Check{
		{Name: "daemon", OK: true, Why: "programs run at home only without", Result: fmt.Sprintf("node %v, mosd %s, pid %d", status.Node, status.Version, status.Pid)},
		checkAttach(status.Attach),
	}
	return append(checks, checkPeers(&status)...)
}

// checkAttach says how this daemon's deputies can take hold of jobs.
func checkAttach(attach string) cage.Check {
	c := cage.Check{Name: "attach", OK: attach == "late", Result: attach, Why: "with early attach jobs are traced from their start, which programs can see (README, Limits)"}
	if !c.OK {
		c.Fix = "see ptrace scope above; then start mosd again"
	}
	return c
}

// checkPorts tries, while no daemon runs, whether one could open its port.
func checkPorts() cage.Check {
	at := ":" + strconv.Itoa(cluster.DefaultPort)
	c := cage.Check{Name: "ports", Why: "nodes speak with each other by TCP and UDP", Result: "TCP and UDP " + at[1:] + " are free"}
	tcp, err := net.Listen("tcp", at)
	if err == nil {
		defer tcp.Close()
		var udp net.PacketConn
		if udp, err = net.ListenPacket("udp", at); err == nil {
			defer udp.Close()
		}
	}
	if c.OK = err == nil; !c.OK {
		c.Result, c.Fix = oneLine(err), "end what uses the port (ss -lntup), or give the node another one in mosix.map (HOST:PORT)"
	}
	return c
}

// peersTried bounds how many ways are tried at a time, dialTime each of them.
const (
	peersTried = 32
	dialTime   = time.Second
)

// checkPeers is one line for all nodes that are well, and one for each that is not.
func checkPeers(status *control.Status) []cage.Check {
	table, err := cluster.LoadMap(context.Background(), status.Map)
	if err != nil {
		return []cage.Check{{Name: "map", Result: oneLine(err), Why: "it says who is in the cluster", Fix: "mend the map, and try setpe -c -f " + status.Map}}
	}
	var unwell []cage.Check
	var mu sync.Mutex // guards unwell
	var tries sync.WaitGroup
	turns := make(chan struct{}, peersTried)
	for _, p := range status.Peers {
		turns <- struct{}{}
		tries.Go(func() {
			defer func() { <-turns }()
			if c := checkPeer(table, p); !c.OK {
				mu.Lock()
				unwell = append(unwell, c)
				mu.Unlock()
			}
		})
	}
	tries.Wait()
	slices.SortFunc(unwell, func(a, b cage.Check) int { return cmp.Compare(a.Name, b.Name) })
	well := len(status.Peers) - len(unwell)
	all := cage.Check{Name: "peers", OK: len(unwell) == 0, Why: "jobs move to nodes that are up",
		Result: fmt.Sprintf("%d of %d other nodes are up and answer by TCP and UDP", well, len(status.Peers))}
	return append([]cage.Check{all}, unwell...)
}

// checkPeer compares what gossip (UDP) knows of a node with a connection (TCP).
func checkPeer(table *cluster.Map, p control.Neighbour) cage.Check {
	c := cage.Check{Name: "peer " + p.Node.String(), Why: "it takes no jobs, and sends none"}
	at, err := reachable(table, p.Node)
	switch {
	case err != nil && p.Up:
		c.Result = fmt.Sprintf("up, but no connection: %v", err)
		c.Fix = fmt.Sprintf("let TCP pass to %s", at)
	case err != nil:
		c.Result = fmt.Sprintf("%s; no connection: %v", upOrDown(p), err)
		c.Fix = fmt.Sprintf("start mosd there, and let TCP and UDP pass to %s", at)
	case !p.Up:
		c.Result = upOrDown(p) + ", but it takes connections"
		c.Fix = fmt.Sprintf("let UDP pass to %s and back; the secret and the map must be the same on both nodes", at)
	default:
		c.OK, c.Result = true, upOrDown(p)
	}
	return c
}

// reachable tries a connection to a node's daemon.
func reachable(table *cluster.Map, node wire.NodeID) (at string, err error) {
	address, known := table.Address(node)
	if !known {
		return "the node", fmt.Errorf("node %v is not in the map", node)
	}
	conn, err := net.DialTimeout("tcp", address.String(), dialTime)
	if err == nil {
		conn.Close()
	}
	return address.String(), err
}
