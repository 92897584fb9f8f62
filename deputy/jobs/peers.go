package jobs

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"umosix/wire"
	"umosix/wire/control"
	"umosix/wire/link"
)

// Peers asks other nodes' mosds. It keeps one connection to each node that was
// asked lately and sends one request at a time over it.
type Peers struct {
	Hello control.PeerHello // what this node says first
	// Address is where a node listens (host:port), or why that is not known.
	Address func(wire.NodeID) (string, error)
	// Credentials are mosd's own.
	Credentials func() (control.Credentials, error)

	mu    sync.Mutex
	lines map[wire.NodeID]*peerLine
}

// peerLine is the connection to one node; the channel holds the right to use it.
type peerLine struct {
	turn chan struct{}
	conn net.Conn // nil: none
}

// dialTimeout bounds the way to another mosd up to its hello.
const dialTimeout = 5 * time.Second

// Admit asks a node to take guests of a job.
func (p *Peers) Admit(ctx context.Context, to wire.NodeID, ask control.Admit) (Admission, error) {
	address, err := p.Address(to)
	if err != nil {
		return Admission{}, control.NotFound("%v", err)
	}
	answer, err := p.ask(ctx, to, control.PeerAsk{Admit: &ask})
	if err != nil {
		return Admission{}, err
	}
	if answer.Admitted == nil || len(answer.Admitted.Ticket) != link.TicketLen {
		return Admission{}, control.Refused("node %v gave no ticket", to)
	}
	return Admission{Address: address, Ticket: hex.EncodeToString(answer.Admitted.Ticket)}, nil
}

// Return asks the home of a guest here to move it.
func (p *Peers) Return(ctx context.Context, home wire.NodeID, ask control.Return) (control.Migrated, error) {
	answer, err := p.ask(ctx, home, control.PeerAsk{Return: &ask})
	if err != nil {
		return control.Migrated{}, err
	}
	if answer.Migrated == nil {
		return control.Migrated{}, control.Refused("node %v did not say what became of process %d", home, ask.Pid)
	}
	return *answer.Migrated, nil
}

// Close ends the connections.
func (p *Peers) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		select {
		case <-line.turn:
			line.drop()
		default: // in use; its request has a deadline
		}
	}
}

// ask sends one request. A connection that was idle may have been closed by the
// other side: then a new one is tried.
func (p *Peers) ask(ctx context.Context, node wire.NodeID, ask control.PeerAsk) (control.PeerAnswer, error) {
	line := p.line(node)
	select {
	case <-line.turn:
		defer func() { line.turn <- struct{}{} }()
	case <-ctx.Done():
		return control.PeerAnswer{}, control.Refused("node %v: %v", node, ctx.Err())
	}
	for {
		old := line.conn != nil
		answer, err := p.askOver(ctx, line, node, ask)
		if err == nil {
			return answer, refusal(node, answer)
		}
		line.drop()
		if !old || ctx.Err() != nil {
			return answer, control.Refused("node %v does not answer: %v", node, err)
		}
	}
}

func refusal(node wire.NodeID, answer control.PeerAnswer) error {
	if answer.Refusal == "" {
		return nil
	}
	return control.Refused("node %v refuses: %s", node, answer.Refusal)
}

func (p *Peers) askOver(ctx context.Context, line *peerLine, node wire.NodeID, ask control.PeerAsk) (control.PeerAnswer, error) {
	if line.conn == nil {
		conn, err := p.dial(ctx, node)
		if err != nil {
			return control.PeerAnswer{}, err
		}
		line.conn = conn
	}
	return exchange(ctx, line.conn, ask)
}

// exchange sends a request and reads its answer, no longer than the context.
func exchange(ctx context.Context, conn net.Conn, ask control.PeerAsk) (control.PeerAnswer, error) {
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return control.PeerAnswer{}, err
	}
	if err := control.WritePeer(conn, ask); err != nil {
		return control.PeerAnswer{}, err
	}
	var answer control.PeerAnswer
	err := control.ReadPeer(conn, &answer)
	return answer, err
}

func (p *Peers) line(node wire.NodeID) *peerLine {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := p.lines[node]
	if line == nil {
		line = &peerLine{turn: make(chan struct{}, 1)}
		line.turn <- struct{}{}
		if p.lines == nil {
			p.lines = make(map[wire.NodeID]*peerLine)
		}
		p.lines[node] = line
	}
	return line
}

func (l *peerLine) drop() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

// dial connects to a node's mosd and makes sure that it is that node's.
func (p *Peers) dial(ctx context.Context, node wire.NodeID) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	address, err := p.Address(node)
	if err != nil {
		return nil, err
	}
	settings, err := p.settings(node)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	plain, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(plain, settings)
	if err := p.introduce(ctx, plain, conn); err != nil {
		plain.Close()
		return nil, err
	}
	return conn, nil
}

func (p *Peers) settings(node wire.NodeID) (*tls.Config, error) {
	creds, err := p.Credentials()
	if err != nil {
		return nil, err
	}
	return link.ClientConfig(creds, func(peer wire.Identity) error {
		if peer.Kind != wire.KindMosd || peer.Node != node {
			return fmt.Errorf("it is not the mosd of node %v", node)
		}
		return nil
	})
}

// introduce sends the preface, runs TLS and compares versions.
func (p *Peers) introduce(ctx context.Context, plain net.Conn, conn *tls.Conn) error {
	if err := link.WritePreface(plain, link.Preface{Kind: link.PrefaceControl}); err != nil {
		return err
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	answer, err := exchange(ctx, conn, control.PeerAsk{Hello: &p.Hello})
	switch {
	case err != nil:
		return err
	case answer.Refusal != "":
		return errors.New(answer.Refusal)
	case answer.Hello == nil || answer.Hello.Protocol != control.PeerProtocol:
		return errors.New("its mosd speaks another protocol")
	}
	return nil
}
