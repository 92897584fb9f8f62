package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Dial connects a deputy to the executor that address's (host:port) node admitted
// under ticket: preface, mosd's answer, TLS as a client with cfg (ClientConfig).
// It takes no longer than ctx, and in each step no longer than PrefaceTimeout and
// HandshakeTimeout. A refusal by mosd is a *RefusedError, a bad certificate of
// the peer a *PeerError. A peer that finds ours bad says so only afterwards, at
// the first Receive.
func Dial(ctx context.Context, address string, ticket Ticket, cfg *tls.Config, o Options) (*Link, error) {
	l, err := dial(ctx, address, ticket, cfg, o.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("link to executor at %s: %w", address, err)
	}
	return l, nil
}

func dial(ctx context.Context, address string, ticket Ticket, cfg *tls.Config, o Options) (*Link, error) {
	s, err := connect(ctx, address, o)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, s.shut)
	l, err := introduce(s, ticket, cfg, o)
	if stop() {
		return l, err
	}
	if err == nil {
		_ = l.Close()
	}
	return nil, fmt.Errorf("%w (%v)", context.Cause(ctx), err)
}

// introduce says who comes and runs TLS; on failure the socket is shut.
func introduce(s *socket, ticket Ticket, cfg *tls.Config, o Options) (*Link, error) {
	err := WritePreface(s, Preface{Kind: PrefaceLink, Ticket: ticket})
	if err == nil {
		err = readAnswer(s)
	}
	if err != nil {
		s.shut()
		return nil, err
	}
	return handshake(s, tls.Client(s, cfg), o)
}

// connect dials with the runtime's help, for its names and many addresses, and
// takes the descriptor away from its poller.
func connect(ctx context.Context, address string, o Options) (*socket, error) {
	d := net.Dialer{Timeout: HandshakeTimeout, KeepAlive: -time.Second}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, dupErr := -1, error(nil)
	if err := raw.Control(func(old uintptr) { fd, dupErr = dup(old) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, fmt.Errorf("duplicate socket: %w", dupErr)
	}
	return newSocket(fd, o.Grace)
}

func dup(fd uintptr) (int, error) { return unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3) }
