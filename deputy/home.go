package deputy

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
	"umosix/wire/control"
)

// goHome brings the guest back into its body.
func (b *body) goHome(done *control.Done) error {
	p := b.peerNow()
	if p == nil {
		return errEnded
	}
	<-b.readiness()
	b.decide()
	defer b.decided()
	x := b.open(p)
	defer x.close()
	begin, received := time.Now(), p.link.Received()
	img, err := b.freeze(x)
	if err != nil {
		return b.thaw(p, err)
	}
	s, err := b.beginRebuild(img)
	if err == nil {
		err = b.receivePages(x, s, img)
	}
	if err == nil {
		err = b.commitHome(p)
	}
	if err != nil {
		return b.thaw(p, err)
	}
	done.Bytes, done.Freeze = p.link.Received()-received, time.Since(begin)
	err = b.on(func() error {
		b.freezing = false
		return b.settleHome(img)
	})
	b.moved(done)
	b.d.forget(b)
	return err
}

// freeze has the executor stop the guest and returns the head of its image.
func (b *body) freeze(x *exchange) (*image.Image, error) {
	p := x.peer
	err := b.on(func() error {
		b.freezing = true // from here on signals wait for the outcome
		return x.send(b.header(wire.TypeFreeze), nil)
	})
	if err != nil {
		return nil, err
	}
	f, err := x.receive()
	if err != nil {
		return nil, err
	}
	img := new(image.Image)
	if f.Type != wire.TypeImage {
		return nil, fmt.Errorf("node %v answers %v instead of an image", p.node, f.Type)
	}
	if err := f.Decode(img); err != nil {
		return nil, err
	}
	if err := img.Validate(); err != nil || img.Process.Pid != b.pid || len(img.Tasks) != 1 {
		return nil, fmt.Errorf("node %v sends an image that is not process %d: %w", p.node, b.pid, err)
	}
	return img, nil
}

// thaw lets the guest go on where it is.
func (b *body) thaw(p *peer, cause error) error {
	b.on(func() error {
		b.unfreeze() // the guest has its signals before it goes on
		p.link.Send(b.header(wire.TypeThaw), nil)
		if b.in == nil {
			return nil
		}
		if err := b.endSession(); err != nil {
			return err
		}
		return b.passOver()
	})
	return p.explain(cause)
}

// beginRebuild stops the body and makes the image's address space in it. The body
// stays stopped: it may be in a call, which goes on afterwards.
func (b *body) beginRebuild(img *image.Image) (s *snapshot.Subject, err error) {
	err = b.on(func() error {
		if err := b.hold(); err != nil {
			return err
		}
		s = b.subject()
		img.Limits = nil // home's own count
		for i := range img.Tasks {
			img.Tasks[i].Comm = "" // and so does its own name: it was told of every change
		}
		return snapshot.Prepare(s, img)
	})
	return s, err
}

// receivePages writes the guest's memory into the body and makes it the process.
func (b *body) receivePages(x *exchange, s *snapshot.Subject, img *image.Image) error {
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
			batch.Data = f.Payload
			if err := snapshot.Fill(s, &batch); err != nil {
				return err
			}
			x.done()
		case wire.TypeTrailer:
			var t image.Trailer
			if err := f.Decode(&t); err != nil {
				return err
			}
			return b.on(func() error { return snapshot.Finish(s, img, t) })
		default:
			return fmt.Errorf("node %v sends %v in mid-image", x.peer.node, f.Type)
		}
	}
}

// commitHome is the point of no return: the process is at home, the guest is of
// no use any more.
func (b *body) commitHome(p *peer) error {
	b.mu.Lock()
	if b.state == ended {
		b.mu.Unlock()
		return errEnded
	}
	b.state, b.peer = parked, nil
	b.inc++
	b.stats.before.UserNs += b.stats.usage.UserNs
	b.stats.before.SystemNs += b.stats.usage.SystemNs
	b.stats.usage = wire.Usage{}
	h := wire.Header{Type: wire.TypeDrop, Pid: b.pid, Tid: b.pid, Inc: b.inc - 1}
	b.mu.Unlock()
	p.link.Send(h, nil) // without a link the guest is dropped, too
	return nil
}

// settleHome finishes the call that the guest was waiting for, if any, and lets
// the program go on. The body is stopped. On the tracer's thread.
func (b *body) settleHome(img *image.Image) error {
	late := b.kept // arrived here after the guest was stopped
	b.kept = nil
	for _, raw := range append(img.Tasks[0].Pending, img.Signals.Pending...) {
		b.keep(raw)
	}
	b.kept = append(b.kept, late...)
	if pending := img.Tasks[0].Call; pending.Nr < 0 {
		b.call, b.wait = nil, nil
	} else if pending.Nr == unix.SYS_FUTEX {
		b.call, b.wait = nil, &pending
	}
	return b.land()
}

// unfreeze relays the signals that waited for the outcome of a move.
func (b *body) unfreeze() {
	b.relayKept()
	b.freezing, b.kept = false, nil
}

// relayKept relays the signals that were kept; they stay until it is known where
// the process is.
func (b *body) relayKept() {
	for i := range b.kept {
		b.relay(&b.kept[i])
	}
}

func (b *body) keep(raw []byte) {
	var info tracer.Siginfo
	copy(info[:], raw)
	b.kept = append(b.kept, info)
}
