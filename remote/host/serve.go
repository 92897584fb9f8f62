package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"umosix/wire"
	"umosix/wire/control"
	"umosix/wire/link"
)

// The bounds on connections of other nodes.
const (
	maxConnections   = 1024
	handshakeTimeout = 10 * time.Second
	idleTimeout      = 10 * time.Minute // of a control connection
)

// Serve takes the connections of a listener until the context ends.
func (h *Host) Serve(ctx context.Context, listener net.Listener) error {
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	places := make(chan struct{}, maxConnections)
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if !passing(err) {
				return fmt.Errorf("host: accepting connections: %w", err)
			}
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		h.busy.Add(1)
		go func() {
			defer h.busy.Done()
			defer func() { <-places }()
			h.receive(conn)
		}()
	}
}

// passing tells whether accepting may be tried again: the connection was gone
// already, or descriptors ran out, which other connections will give back.
func passing(err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	time.Sleep(10 * time.Millisecond) // descriptors that have run out take a while to come back
	return true
}

// receive reads the preface of a connection and serves it.
func (h *Host) receive(conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(h.life, func() { conn.Close() })
	defer stop()
	preface, err := link.ReadPreface(conn)
	if err != nil {
		h.log.Debug().Err(err).Stringer(fieldPeer, conn.RemoteAddr()).Msg("connection dropped")
		return
	}
	switch preface.Kind {
	case link.PrefaceControl:
		err = h.control(conn)
	case link.PrefaceLink:
		err = h.admitLink(conn, preface.Ticket)
	}
	if err != nil && !errors.Is(err, io.EOF) && h.life.Err() == nil {
		h.log.Info().Err(err).Stringer(fieldPeer, conn.RemoteAddr()).Msg("connection ended")
	}
}

// control answers another mosd until it has no more to ask.
func (h *Host) control(plain net.Conn) error {
	creds, err := h.cfg.Credentials()
	if err != nil {
		return err
	}
	var peer wire.Identity
	settings, err := link.ServerConfig(creds, func(id wire.Identity) error {
		if id.Kind != wire.KindMosd {
			return fmt.Errorf("only a mosd may ask this node, it is a %s", id.Kind)
		}
		peer = id
		return nil
	})
	if err != nil {
		return err
	}
	conn := tls.Server(plain, settings)
	ctx, cancel := context.WithTimeout(h.life, handshakeTimeout)
	err = conn.HandshakeContext(ctx)
	cancel()
	if err != nil {
		return err
	}
	for {
		if err := h.serveOne(conn, peer.Node); err != nil {
			return err
		}
	}
}

func (h *Host) serveOne(conn net.Conn, from wire.NodeID) error {
	if err := conn.SetDeadline(time.Now().Add(idleTimeout)); err != nil {
		return err
	}
	var ask control.PeerAsk
	if err := control.ReadPeer(conn, &ask); err != nil {
		return err
	}
	answer := h.answer(from, &ask)
	if err := conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	return control.WritePeer(conn, answer)
}

// answer does what another mosd asks.
func (h *Host) answer(from wire.NodeID, ask *control.PeerAsk) control.PeerAnswer {
	switch {
	case ask.Hello != nil:
		return h.hello(from, ask.Hello)
	case ask.Admit != nil:
		return h.admit(from, ask.Admit)
	case ask.Return != nil:
		moved, err := h.cfg.Return(h.life, from, *ask.Return)
		if err != nil {
			return control.PeerAnswer{Refusal: err.Error()}
		}
		return control.PeerAnswer{Migrated: &moved}
	}
	return control.PeerAnswer{Refusal: "this mosd does not know that request"}
}

func (h *Host) hello(from wire.NodeID, hello *control.PeerHello) control.PeerAnswer {
	if hello.Protocol != control.PeerProtocol {
		return control.PeerAnswer{Refusal: fmt.Sprintf("its mosd speaks version %d, that of node %v version %d",
			control.PeerProtocol, from, hello.Protocol)}
	}
	own := h.cfg.Hello
	return control.PeerAnswer{Hello: &own}
}

// admit decides about a job and gives a ticket.
func (h *Host) admit(from wire.NodeID, ask *control.Admit) control.PeerAnswer {
	err := h.cfg.Policy().Check(from, ask)
	if err == nil && h.isLeaving() {
		err = errLeaving
	}
	var ticket link.Ticket
	if err == nil {
		ticket, err = h.tickets.give(*ask, time.Now())
	}
	if err != nil {
		h.log.Info().Str(fieldJob, ask.Job).Stringer(fieldHome, from).AnErr("reason", err).Msg("job refused")
		return control.PeerAnswer{Refusal: err.Error()}
	}
	return control.PeerAnswer{Admitted: &control.Admitted{Ticket: ticket[:]}}
}

// admitLink hands a deputy's connection to a new executor, which admits the deputy:
// a mosd that dies here leaves no executor behind that nobody was told of.
func (h *Host) admitLink(conn net.Conn, ticket link.Ticket) error {
	ask, ok := h.tickets.take(ticket, time.Now())
	if !ok {
		return link.Refuse(conn, "the ticket is not known here or too old")
	}
	if err := h.startExecutor(conn, &ask); err != nil {
		h.log.Warn().Err(err).Str(fieldJob, ask.Job).Msg("executor not started")
		return link.Refuse(conn, "its executor can't be started")
	}
	return nil
}
