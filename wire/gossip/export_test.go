package gossip

import "net"

// SetEpoch makes a node believe that it was started at another time.
func SetEpoch(g *Gossip, epoch uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.table.own.Epoch = epoch
}

// LocalAddr is where a UDP transport listens.
func LocalAddr(t Transport) net.Addr { return t.(udp).conn.LocalAddr() }
