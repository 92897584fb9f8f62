package deputy

import (
	"fmt"
	"time"

	"umosix/tracer/image"
	"umosix/wire"
	"umosix/wire/control"
)

// goOnward moves the guest from one node to another. Its image passes through
// here; the body, and a call that it is in, take no notice.
func (b *body) goOnward(to destination, done *control.Done) error {
	p := b.peerNow()
	q, err := b.d.reach(to)
	if err != nil {
		return err
	}
	<-b.readiness()
	b.expect(true)
	defer b.expect(false)
	begin, sent := time.Now(), q.link.Sent()
	img, err := b.freeze(p)
	if err != nil {
		return err
	}
	if err := b.passOn(p, q, img); err != nil {
		b.abandonAt(q, err)
		return b.thaw(p, err)
	}
	b.commitOnward(p, q)
	done.Bytes, done.Freeze = q.link.Sent()-sent, time.Since(begin)
	b.moved(done)
	return nil
}

// headerNext starts a frame about the incarnation that a move makes.
func (b *body) headerNext(t wire.Type) wire.Header {
	h := b.header(t)
	h.Inc++
	return h
}

// passOn sends the image from p on to q and waits until it is rebuilt there.
func (b *body) passOn(p, q *peer, img *image.Image) error {
	if err := q.link.Send(b.headerNext(wire.TypeImage), img); err != nil {
		return err
	}
	if err := b.sendFiles(q, img); err != nil {
		return err
	}
	for {
		f, err := b.await(p)
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
		case wire.TypeTrailer:
			var t image.Trailer
			if err := f.Decode(&t); err != nil {
				return err
			}
			if err := q.link.Send(b.headerNext(wire.TypeTrailer), &t); err != nil {
				return err
			}
			return b.awaitRebuilt(q)
		default:
			return fmt.Errorf("node %v sends %v in mid-image", p.node, f.Type)
		}
	}
}

func (b *body) abandonAt(q *peer, cause error) {
	q.link.Send(b.headerNext(wire.TypeAbandon), &wire.Reason{Text: cause.Error()})
}

// commitOnward is the point of no return.
func (b *body) commitOnward(p, q *peer) {
	old := b.header(wire.TypeDrop)
	b.mu.Lock()
	b.peer = q
	b.inc++
	if b.call != nil {
		b.call.peer = nil // whoever asks next is the new guest
	}
	b.stats.before.UserNs += b.stats.usage.UserNs
	b.stats.before.SystemNs += b.stats.usage.SystemNs
	b.stats.usage = wire.Usage{}
	b.mu.Unlock()
	if q.link.Send(b.header(wire.TypeGo), nil) != nil {
		q.link.Close()
	}
	b.on(func() error { b.unfreeze(); return nil })
	if p.link.Send(old, nil) != nil {
		p.link.Close()
	}
}
