package link

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"umosix/wire"
)

// The defaults and limits of a link.
const (
	HandshakeTimeout = 5 * time.Second // for TLS, on both sides
	DefaultGrace     = 30 * time.Second
	DefaultPing      = time.Second
)

// Options of a link; the zero value means the defaults.
type Options struct {
	// Grace is how long a peer may take nothing of what is sent to it, leave TCP
	// without an answer, or say nothing at all, before the link fails.
	Grace time.Duration
	// Ping is the silence after which the link asks the peer for a sign of life, and
	// gives one. Negative: never; then a silent peer is not given up either.
	Ping time.Duration
}

func (o Options) withDefaults() Options {
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	if o.Ping == 0 {
		o.Ping = DefaultPing
	}
	return o
}

// ErrClosed is returned by every method after Close, unless the link had failed
// before.
var ErrClosed = errors.New("link is closed")

// ErrLost is wrapped by errors that end a link without the peer's word: reset,
// hang-up, silence, or bytes that are not the peer's. What was sent may or may
// not have arrived.
var ErrLost = errors.New("link lost")

// Link is one connection between a deputy and an executor.
//
// Send may be called from any goroutine. Receive, TryReceive and Ready belong to
// one receiver at a time. Close may be called by anyone and ends them all.
// Somebody must receive while somebody sends: two sides that only send wait for
// each other until Grace is over.
type Link struct {
	socket *socket
	tls    *tls.Conn
	peer   wire.Identity

	out    sync.Mutex // guards the fields up to the blank line, and the order of frames
	seq    uint64
	packed []byte

	in receiver

	failed atomic.Pointer[error]
	closed atomic.Bool
	done   chan struct{} // closed by Close: the pinger ends
	pinger sync.WaitGroup
}

// newLink starts a link on a connection whose handshake is done.
func newLink(s *socket, t *tls.Conn, o Options) (*Link, error) {
	id, _, err := claimed(t.ConnectionState().PeerCertificates[0])
	if err != nil {
		return nil, err
	}
	l := &Link{socket: s, tls: t, peer: id, done: make(chan struct{})}
	if o.Ping > 0 {
		l.pinger.Go(func() { l.keepAlive(o.Ping, o.Grace) })
	}
	return l, nil
}

// handshake runs TLS within HandshakeTimeout and makes the link; on failure the
// socket is shut.
func handshake(s *socket, t *tls.Conn, o Options) (*Link, error) {
	_ = s.SetDeadline(time.Now().Add(HandshakeTimeout))
	if err := t.Handshake(); err != nil {
		s.shut()
		return nil, explain(err)
	}
	_ = s.SetDeadline(time.Time{})
	l, err := newLink(s, t, o)
	if err != nil {
		s.shut()
	}
	return l, err
}

// explain puts the peer's refusal of our certificate in words: TLS has but a
// number for it.
func explain(err error) error {
	var op *net.OpError
	var alert tls.AlertError
	if errors.As(err, &op) && op.Op == "remote error" || errors.As(err, &alert) {
		return fmt.Errorf("peer refused us (its log says why): %w", err)
	}
	return err
}

// Peer is whom the peer's certificate names.
func (l *Link) Peer() wire.Identity { return l.peer }

// PeerNode is the peer's node.
func (l *Link) PeerNode() wire.NodeID { return l.peer.Node }

// String names the link for logs.
func (l *Link) String() string {
	return fmt.Sprintf("link to %s of node %s at %v", l.peer.Kind, l.peer.Node, l.socket.remote)
}

// Sent is the number of bytes sent so far, all layers above TCP included.
func (l *Link) Sent() uint64 { return l.socket.sent.Load() }

// Received is the number of bytes received so far, all layers above TCP included.
func (l *Link) Received() uint64 { return l.socket.received.Load() }

// SetSpin makes the receiver look for data for d before it sleeps, because waking
// it up costs more than d while calls are dense. It pays only when the peer runs
// on another CPU than the receiver. 0 turns it off.
func (l *Link) SetSpin(d time.Duration) { l.socket.spin.Store(int64(d)) }

// Err is what ended the link: nil while it stands (also when the peer has ended
// its own sending in order), ErrClosed after Close.
func (l *Link) Err() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// fail notes what ended the link, if it is the first, ends it for the other
// goroutines too, and returns what ended it.
func (l *Link) fail(err error) error {
	if l.failed.CompareAndSwap(nil, &err) {
		l.socket.shut()
	}
	return l.Err()
}

// lost puts an error of the connection in the link's words.
func (l *Link) lost(op string, err error) error {
	return l.fail(fmt.Errorf("%s: %s: %w: %w", l, op, ErrLost, explain(err)))
}

// Close ends the link: the peer is told if that takes no time, everybody who
// waits on the link returns ErrClosed. What the peer has sent and nobody received
// is lost, and TCP may then lose the end of what was sent to it, too: say Bye and
// receive until io.EOF first (CloseWrite). The descriptor may be another file's
// as soon as Close returns.
func (l *Link) Close() error {
	if !l.closed.CompareAndSwap(false, true) {
		l.pinger.Wait()
		return nil
	}
	err := ErrClosed
	first := l.failed.CompareAndSwap(nil, &err)
	l.socket.hurry()
	if first {
		_ = l.tls.Close() // close_notify is a courtesy
	}
	l.socket.shut()
	close(l.done)
	l.pinger.Wait()
	return nil
}

// CloseWrite ends the sending half: the peer receives what was sent, then io.EOF.
// Receiving goes on.
func (l *Link) CloseWrite() error {
	l.out.Lock()
	defer l.out.Unlock()
	if err := l.tls.CloseWrite(); err != nil {
		return l.lost("end sending", err)
	}
	return nil
}

// Fd is the socket, for poll(2) with POLLIN: when TryReceive has returned nil,
// nothing is left in the layers above, and poll tells when to try again. It is
// the link's: never read, write or close it, and forget it before Close.
func (l *Link) Fd() int { return l.socket.fd }

// Ready waits up to timeout until a whole frame is there, so that Receive returns
// it at once (timeout 0: just looks; negative: waits for good). It consumes
// nothing. Pings are answered on the way.
func (l *Link) Ready(timeout time.Duration) (bool, error) {
	deadline := never
	if at := now(); timeout >= 0 && timeout < never-at {
		deadline = at + timeout
	}
	awake := min(deadline, now()+time.Duration(l.socket.spin.Load()))
	for {
		ok, err := l.in.look(l)
		switch at := now(); {
		case ok || err != nil || at >= deadline:
			return ok, err
		case at < awake:
			continue
		}
		if err := l.waitReadable(deadline); err != nil {
			return false, err
		}
	}
}

// waitReadable waits until the socket has something to read, the peer hung up, or
// the deadline has passed.
func (l *Link) waitReadable(deadline time.Duration) error {
	if !l.socket.enter() {
		return l.lost("wait", net.ErrClosed)
	}
	defer l.socket.leave()
	if _, errno := l.socket.poll(unix.POLLIN, deadline); errno != 0 {
		return l.lost("wait", errno)
	}
	return nil
}
