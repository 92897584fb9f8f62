package link

import (
	"crypto/tls"
	"fmt"
)

// Accept is the executor's half of Dial: fd is the connection whose preface mosd
// has read and admitted. TLS runs as a server with cfg (ServerConfig), within
// HandshakeTimeout. fd belongs to the link from now on, on failure too. A bad
// certificate of the peer is a *PeerError.
func Accept(fd int, cfg *tls.Config, o Options) (*Link, error) {
	o = o.withDefaults()
	s, err := newSocket(fd, o.Grace)
	if err != nil {
		return nil, fmt.Errorf("link from deputy: %w", err)
	}
	l, err := handshake(s, tls.Server(s, cfg), o)
	if err != nil {
		return nil, fmt.Errorf("link from deputy at %v: %w", s.remote, err)
	}
	return l, nil
}
