package deputy

import (
	"errors"
	"fmt"
	"time"

	"umosix/wire"
	"umosix/wire/link"
)

// exchange is a frame of ours to an executor and what comes in answer: frames whose
// Ack is its number. What an earlier exchange is still answered is not taken for it.
type exchange struct {
	b      *body
	peer   *peer
	inbox  chan delivery
	closed chan struct{}
	seq    uint64 // of our frame; 0 until it is sent; guarded by b.mu
	last   func() // gives back the memory of what was received last
}

// delivery is a frame with what gives its memory back.
type delivery struct {
	frame   *link.Frame
	release func()
}

// moveLimit bounds how long a move waits for the next sign of its peer.
const moveLimit = 60 * time.Second

// errEnded says that the process has ended in the middle of something.
var errEnded = errors.New("it has ended")

// open begins to take answers of p about the process.
func (b *body) open(p *peer) *exchange {
	x := &exchange{b: b, peer: p, inbox: make(chan delivery, 32), closed: make(chan struct{})}
	b.mu.Lock()
	b.exchanges = append(b.exchanges, x)
	b.mu.Unlock()
	return x
}

// close ends it: further answers are dropped.
func (x *exchange) close() {
	b := x.b
	b.mu.Lock()
	for i, other := range b.exchanges {
		if other == x {
			b.exchanges = append(b.exchanges[:i:i], b.exchanges[i+1:]...)
			break
		}
	}
	b.mu.Unlock()
	close(x.closed)
}

// send sends the frame that the others answer.
func (x *exchange) send(h wire.Header, body any) error {
	seq, err := x.peer.link.SendNumbered(h, body)
	x.b.mu.Lock()
	x.seq = seq
	x.b.mu.Unlock()
	return err
}

// deliver hands the answer that p has just received to the exchanges that it may
// belong to; one that nobody waits for is late and is dropped.
func (b *body) deliver(p *peer) {
	f, release := p.link.Take()
	b.mu.Lock()
	var all []*exchange
	for _, x := range b.exchanges {
		if x.peer == p && (x.seq == 0 || x.seq == f.Ack) {
			all = append(all, x)
		}
	}
	b.mu.Unlock()
	if len(all) == 0 {
		release()
	}
	if len(all) > 1 {
		release = func() {} // nobody knows who is the last
	}
	for _, x := range all {
		select {
		case x.inbox <- delivery{f, release}:
		case <-x.closed:
		}
	}
}

// done gives back the memory of the answer that was received last.
func (x *exchange) done() { x.last() }

// receive is the next answer. TypeAbandon is an error.
func (x *exchange) receive() (*link.Frame, error) {
	limit := time.NewTimer(min(moveLimit, x.b.d.grace()+5*time.Second))
	defer limit.Stop()
	for {
		m, err := x.next(limit.C)
		f := m.frame
		x.last = m.release
		switch {
		case err != nil:
			return nil, fmt.Errorf("node %v: %w", x.peer.node, err)
		case f.Ack != x.seq:
			continue
		case f.Type == wire.TypeAbandon:
			var r wire.Reason
			f.Decode(&r)
			return nil, fmt.Errorf("node %v: %s", x.peer.node, r.Text)
		}
		return f, nil
	}
}

// next is the next frame in the inbox: what came before the link ended still counts.
func (x *exchange) next(limit <-chan time.Time) (delivery, error) {
	select {
	case f := <-x.inbox:
		return f, nil
	case <-x.b.over:
		return delivery{}, errEnded
	case <-limit:
		return delivery{}, errors.New("it does not answer")
	case <-x.peer.gone:
	}
	select {
	case f := <-x.inbox:
		return f, nil
	default:
		return delivery{}, fmt.Errorf("the link was lost in mid-move: %w", x.peer.cause())
	}
}

func (d *Deputy) grace() time.Duration {
	if d.start.Grace > 0 {
		return d.start.Grace
	}
	return link.DefaultGrace
}
