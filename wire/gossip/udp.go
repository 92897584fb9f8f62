package gossip

import (
	"fmt"
	"net"
	"net/netip"
)

// udp is the transport on a socket.
type udp struct{ conn *net.UDPConn }

// Listen opens the UDP socket of a node at its address in the map.
func Listen(at netip.AddrPort) (Transport, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("gossip: %w", err)
	}
	return udp{conn}, nil
}

func (u udp) Send(to netip.AddrPort, data []byte) error {
	_, err := u.conn.WriteToUDPAddrPort(data, to)
	return err
}

func (u udp) Receive(buf []byte) (int, netip.AddrPort, error) {
	return u.conn.ReadFromUDPAddrPort(buf)
}

func (u udp) Close() error { return u.conn.Close() }
