package gossip

import (
	"time"
)

// helloEvery bounds how often a datagram that is not believed gets an answer:
// it may be a replay.
const helloEvery = 50 * time.Millisecond

// peer is what one node knows about its exchange of datagrams with another.
type peer struct {
	session  uint64    // of the peer's present run, 0 before it is known
	retired  [8]uint64 // earlier ones, which never come back
	window   window    // sequence numbers seen in this session
	sent     uint64    // the last sequence number sent
	accepts  []uint32  // keys that the peer accepts
	digest   uint64    // of the peer's map, valid if session is
	answered time.Time // when a datagram not believed was last answered
}

// verdict is what becomes of a datagram that was opened.
type verdict int

const (
	believed verdict = iota
	greeting         // of a peer that does not know our session: answer it
	ignored          // the same, but one was answered just now
	replayed         // it was seen before, or belongs to an earlier run of the peer
)

// judge decides about a message by the session that the receiver has now, and
// notes what the message tells about the peer.
func (p *peer) judge(m message, session uint64, now time.Time) verdict {
	if m.Echo != session {
		if now.Sub(p.answered) < helloEvery {
			return ignored
		}
		p.answered = now
		return greeting
	}
	if m.Session != p.session {
		if p.isRetired(m.Session) {
			return replayed
		}
		p.retire()
		p.session = m.Session
	}
	if !p.window.take(m.Seq) {
		return replayed
	}
	p.accepts, p.digest = m.Accepts, m.Digest
	return believed
}

func (p *peer) isRetired(session uint64) bool {
	for _, old := range p.retired {
		if old == session {
			return true
		}
	}
	return false
}

// retire ends the peer's session, if there is one.
func (p *peer) retire() {
	if p.session != 0 {
		copy(p.retired[1:], p.retired[:])
		p.retired[0] = p.session
	}
	p.window = window{}
}

// window remembers which of the last 64 sequence numbers were seen; older ones
// count as seen.
type window struct {
	last uint64 // the greatest seen
	seen uint64 // bit i: last-i was seen
}

// take says whether a number is new, and notes it.
func (w *window) take(seq uint64) bool {
	if seq > w.last {
		shift := seq - w.last
		if shift < 64 {
			w.seen = w.seen << shift
		} else {
			w.seen = 0
		}
		w.last, w.seen = seq, w.seen|1
		return true
	}
	back := w.last - seq
	if back >= 64 || w.seen&(1<<back) != 0 {
		return false
	}
	w.seen |= 1 << back
	return true
}
