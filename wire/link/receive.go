package link

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"umosix/wire"
)

// Frame is a received frame. Body and Payload point into the link's buffer and
// hold until the next Receive, TryReceive or Ready; Clone makes them the caller's.
type Frame struct {
	wire.Header
	Body    []byte
	Payload []byte
}

// Decode fills *into with the frame's message; see wire.Decode.
func (f *Frame) Decode(into any) error { return wire.Decode(f.Header, f.Body, into) }

// Clone returns a copy that holds for good.
func (f *Frame) Clone() *Frame {
	buf := append(append(make([]byte, 0, len(f.Body)+len(f.Payload)), f.Body...), f.Payload...)
	n := len(f.Body)
	return &Frame{Header: f.Header, Body: buf[:n:n], Payload: buf[n:]}
}

// Take makes the frame that was received last the caller's without copying it: its
// bytes hold until release is called (once, from any goroutine; never is allowed,
// too, and leaves them to the collector). It belongs to the receiver like Receive,
// and comes before the next Receive.
func (l *Link) Take() (f *Frame, release func()) { return l.in.take() }

// The sizes of a receiver's buffer, in bytes.
const (
	usualBuffer = 64 << 10 // kept between frames
	keptBuffer  = 1 << 20  // the most that is kept between frames
	trustedJump = 1 << 20  // the most that is allocated on a peer's word alone
)

// receiver takes frames out of the stream of one link. It always asks TLS for
// more than a record can hold, so that nothing decrypted stays behind in there.
type receiver struct {
	buf        []byte // buf[from:to] is decrypted and not consumed
	from, to   int
	seq        uint64 // of the last frame
	frame      Frame
	unfinished int // length of the frame at from, 0 if not known yet

	spares sync.Pool // of *[]byte
}

// take hands out the buffer with the last frame and goes on in another one, to
// which what has arrived behind the frame is copied: less than a record, mostly.
func (r *receiver) take() (*Frame, func()) {
	f := r.frame
	old := r.buf
	fresh, ok := r.spares.Get().(*[]byte)
	if !ok || len(*fresh) < max(usualBuffer, r.to-r.from) {
		b := make([]byte, max(len(old), usualBuffer))
		fresh = &b
	}
	r.to = copy(*fresh, old[r.from:r.to])
	r.buf, r.from = *fresh, 0
	return &f, func() {
		if len(old) <= keptBuffer {
			r.spares.Put(&old)
		}
	}
}

// Receive waits for the next frame. Pings are answered and not returned. It
// returns io.EOF after the peer's orderly end of sending, ErrClosed after Close,
// and an error wrapping ErrLost when the link broke or the peer broke the
// protocol; each of them for good.
func (l *Link) Receive() (*Frame, error) { return l.in.next(l, false) }

// TryReceive is Receive that does not wait: it returns nil when no whole frame is
// there. Then nothing that Fd's poll would not tell of is left behind.
func (l *Link) TryReceive() (*Frame, error) { return l.in.next(l, true) }

// next consumes the next frame that is not the link's own business.
func (r *receiver) next(l *Link, noWait bool) (*Frame, error) {
	for {
		if ok, err := r.complete(l, noWait); !ok || err != nil {
			return nil, err
		}
		if own, err := r.consume(l); err != nil || !own {
			return &r.frame, err
		}
	}
}

// look says whether a frame for the caller is there, without consuming it.
func (r *receiver) look(l *Link) (bool, error) {
	for {
		if ok, err := r.complete(l, true); !ok || err != nil {
			return false, err
		}
		if !isOwn(wire.Type(r.buf[r.from+wire.LengthLen])) {
			return true, nil
		}
		if _, err := r.consume(l); err != nil {
			return false, err
		}
	}
}

// complete makes the frame at from whole; false means that it is not and that one
// must not wait.
func (r *receiver) complete(l *Link, noWait bool) (bool, error) {
	for {
		if ok, err := r.whole(); err != nil {
			return false, l.lost("receive", err)
		} else if ok {
			return true, nil
		}
		r.makeRoom()
		l.socket.noWait = noWait
		n, err := l.tls.Read(r.buf[r.to:])
		r.to += n
		switch {
		case n > 0 || err == nil:
			// An error that came with data comes again.
		case err == errWouldBlock:
			return false, nil
		case err == io.EOF && r.from == r.to:
			return false, l.ended()
		case err == io.EOF:
			return false, l.lost("receive", io.ErrUnexpectedEOF)
		default:
			return false, l.lost("receive", err)
		}
	}
}

// ended notes the peer's orderly end. Sending may go on.
func (l *Link) ended() error {
	if err := l.Err(); err != nil {
		return err
	}
	return io.EOF
}

// whole says whether the frame at from is all there.
func (r *receiver) whole() (bool, error) {
	have := r.to - r.from
	if r.unfinished == 0 {
		if have < wire.LengthLen {
			return false, nil
		}
		n, err := wire.FrameLen(r.buf[r.from:r.to])
		if err != nil {
			return false, err
		}
		r.unfinished = n
	}
	return have >= r.unfinished, nil
}

// makeRoom leaves room for a whole record behind to. A buffer that is too small for that
// becomes one for the rest of the frame, of which a peer gets only so much on its word.
func (r *receiver) makeRoom() {
	if r.from == r.to {
		r.from, r.to = 0, 0
		if cap(r.buf) > keptBuffer && r.unfinished < keptBuffer {
			r.buf = nil
		}
	}
	if len(r.buf)-r.to >= maxRecord {
		return
	}
	have := r.to - r.from
	want := max(usualBuffer, have+maxRecord)
	if r.unfinished > have {
		want = max(want, min(r.unfinished+maxRecord, max(trustedJump, 2*have)))
	}
	room := r.buf
	if len(room) < want {
		room = make([]byte, want)
	}
	copy(room, r.buf[r.from:r.to])
	r.buf, r.from, r.to = room, 0, have
}

// errOrder says that a frame is missing, or came twice.
var errOrder = errors.New("frame out of sequence")

// consume takes the whole frame at from into r.frame. own says that it was the
// link's business alone.
func (r *receiver) consume(l *Link) (own bool, err error) {
	end := r.from + r.unfinished
	h, body, payload, err := wire.ParseFrame(r.buf[r.from:end])
	if err == nil && h.Seq != r.seq+1 {
		err = fmt.Errorf("%w: %w: %d after %d", wire.ErrFrame, errOrder, h.Seq, r.seq)
	}
	if err != nil {
		return false, l.lost("receive", err)
	}
	r.seq, r.from, r.unfinished = h.Seq, end, 0
	r.frame = Frame{h, body, payload}
	if h.Type == wire.TypePing {
		l.whisper(wire.Header{Type: wire.TypePong, Ack: h.Seq})
	}
	return isOwn(h.Type), nil
}

// isOwn says whether frames of a type are for the link, not for its owner.
func isOwn(t wire.Type) bool { return t == wire.TypePing || t == wire.TypePong }
