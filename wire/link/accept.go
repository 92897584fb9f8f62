package link

import (
	"crypto/tls"
	"fmt"
	"os"
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

// AcceptFile is Accept for a connection that is in an os.File, which is closed:
// left open it would close the descriptor under the link when it is collected.
func AcceptFile(conn *os.File, cfg *tls.Config, o Options) (*Link, error) {
	fd, err := dup(conn.Fd())
	_ = conn.Close()
	if err != nil {
		return nil, fmt.Errorf("link from deputy: duplicate socket: %w", err)
	}
	return Accept(fd, cfg, o)
}
