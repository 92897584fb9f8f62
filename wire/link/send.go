package link

import (
	"umosix/wire"
)

// maxRecord is the most plaintext that one TLS record holds (RFC 8446, 5.1).
const maxRecord = 16 << 10

// Send sends one frame: h, whose Seq is assigned here, the message of h.Type
// (see wire.AppendFrame; pass pointers on the hot path), and raw bytes. Frames
// arrive in the order of Send. A frame of up to 16 KiB leaves in one write; of
// longer ones the payload is not copied before it is encrypted. When Send
// returns, the payload may be changed, and the frame is on its way but need not
// have arrived. A peer that takes nothing for Options.Grace loses the link. A
// frame that cannot be encoded is the caller's mistake and does no harm to the
// link.
func (l *Link) Send(h wire.Header, body any, payload ...[]byte) error {
	_, err := l.SendNumbered(h, body, payload...)
	return err
}

// SendNumbered is Send for frames that will be answered: it returns the frame's
// Seq, which the answer has as Ack. The answer may be received before
// SendNumbered returns.
func (l *Link) SendNumbered(h wire.Header, body any, payload ...[]byte) (uint64, error) {
	l.out.Lock()
	defer l.out.Unlock()
	return l.sendLocked(h, body, payload)
}

func (l *Link) sendLocked(h wire.Header, body any, payload [][]byte) (uint64, error) {
	if err := l.Err(); err != nil {
		return 0, err
	}
	length := 0
	for _, part := range payload {
		length += len(part)
	}
	h.Seq = l.seq + 1
	packed, err := wire.AppendFrame(l.packed[:0], h, body, length)
	if err != nil {
		return 0, err
	}
	l.seq = h.Seq
	l.packed = packed
	if err := l.write(payload); err != nil {
		return 0, l.lost("send "+h.Type.String(), err)
	}
	if cap(l.packed) > 4*maxRecord {
		l.packed = nil // an image; the next frames are small
	}
	return h.Seq, nil
}

// write sends what is packed and then the payload: what fits into the record that
// is begun is copied behind it, the rest goes straight from the caller's memory.
func (l *Link) write(payload [][]byte) error {
	for _, part := range payload {
		if fits := maxRecord - len(l.packed); len(part) > fits {
			if fits > 0 {
				l.packed = append(l.packed, part[:fits]...)
				part = part[fits:]
			}
			if _, err := l.tls.Write(l.packed); err != nil {
				return err
			}
			whole := len(part) - len(part)%maxRecord
			if _, err := l.tls.Write(part[:whole]); err != nil {
				return err
			}
			l.packed = l.packed[:0]
			part = part[whole:]
		}
		l.packed = append(l.packed, part...)
	}
	if len(l.packed) == 0 {
		return nil
	}
	_, err := l.tls.Write(l.packed)
	return err
}
