package deputy

import (
	"errors"
	"fmt"
	"time"

	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/control"
)

// goOnward moves the guest from one node to another. Its image passes through
// here; the body, and a call that it is in, take no notice.
func (b *body) goOnward(to destination, done *control.Done) error {
	p := b.peerNow()
	if p == nil {
		return b.notAway()
	}
	q, err := b.d.reach(to)
	if err != nil {
		return err
	}
	if err := b.sendAhead(q); err != nil {
		return err
	}
	<-b.readiness()
	b.decide()
	defer b.decided()
	x := b.open(p)
	defer x.close()
	begin, sent := time.Now(), q.link.Sent()
	img, err := b.freeze(x)
	if err == nil {
		err = b.on(func() error { b.prune(img); return snapshot.TakeCPUs(img) })
	}
	if err == nil {
		err = b.passOn(x, q, img)
	}
	done.Bytes, done.Freeze = q.link.Sent()-sent, time.Since(begin)
	if err == nil {
		err = b.commitOnward(p, q, done)
	}
	if err != nil {
		b.abandonAt(q, err)
		return b.thaw(p, q.explain(err))
	}
	b.report()
	return nil
}

// headerNext starts a frame about the incarnation that a move makes.
func (b *body) headerNext(t wire.Type) wire.Header {
	h := b.header(t)
	h.Inc++
	return h
}

// passOn sends the image from p on to q and waits until it is rebuilt there.
func (b *body) passOn(x *exchange, q *peer, img *image.Image) error {
	y := b.open(q)
	defer y.close()
	if err := y.send(b.headerNext(wire.TypeImage), img); err != nil {
		return err
	}
	if err := b.sendFiles(q, img); err != nil {
		return err
	}
	for {
		f, err := x.receive()
		if err != nil {
			return err
		}
		switch f.Type {
		case wire.TypeBatch:
			var batch image.Batch
			if err := f.Decode(&batch); err != nil {
				return err
			}
			if err := q.link.Send(b.headerNext(wire.TypeBatch), &batch, f.Payload); err != nil {
				return err
			}
			x.done()
		case wire.TypeTrailer:
			var t image.Trailer
			if err := f.Decode(&t); err != nil {
				return err
			}
			if err := q.link.Send(b.headerNext(wire.TypeTrailer), &t); err != nil {
				return err
			}
			return y.awaitRebuilt()
		default:
			return fmt.Errorf("node %v sends %v in mid-image", x.peer.node, f.Type)
		}
	}
}

func (b *body) abandonAt(q *peer, cause error) {
	q.link.Send(b.headerNext(wire.TypeAbandon), &wire.Reason{Text: cause.Error()})
}

// commitOnward is the point of no return. A Go that could not be sent has not
// arrived, and the guest is still at p. It runs on the tracer's thread, so that
// every signal is either in the image, or goes to the new guest before it runs.
func (b *body) commitOnward(p, q *peer, done *control.Done) error {
	return b.on(func() error {
		old := b.header(wire.TypeDrop)
		if err := b.become(q, old.Inc+1); err != nil {
			return err
		}
		b.relayKept()
		if err := q.link.Send(b.header(wire.TypeGo), nil); err != nil {
			b.continuation = nil // it is kept still
			return errors.Join(err, b.become(p, old.Inc))
		}
		b.freezing, b.halted = false, false
		b.dropKept()
		p.link.Send(old, nil) // without a link the guest is dropped, too
		b.settleOnward(p)
		b.count(done)
		return nil
	})
}

// settleOnward takes note that the guest at p is no more.
func (b *body) settleOnward(p *peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.tasks {
		if t.call != nil && t.call.peer == p {
			t.call.peer = nil // whoever asks next is the new guest
		}
	}
	b.stats.before.UserNs += b.stats.usage.UserNs
	b.stats.before.SystemNs += b.stats.usage.SystemNs
	b.stats.usage = wire.Usage{}
}

// become makes the guest at q, of that incarnation, the process.
func (b *body) become(q *peer, inc wire.Incarnation) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == ended {
		return errEnded
	}
	b.peer, b.inc = q, inc
	return nil
}
