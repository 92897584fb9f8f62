package link

import (
	"net"
	"time"
)

// Socket is the link's connection without TLS and frames, for benchmarks of what
// those cost.
func Socket(fd int, spin time.Duration) (net.Conn, error) {
	s, err := newSocket(fd, DefaultGrace)
	if err == nil {
		s.spin.Store(int64(spin))
	}
	return s, err
}
