package link

import (
	"time"

	"golang.org/x/sys/unix"

	"umosix/wire"
)

// pingWhenSilent asks the peer for a sign of life after every interval without
// one. Whoever receives on the other side answers.
func (l *Link) pingWhenSilent(interval time.Duration) {
	tick := time.NewTicker(max(interval/2, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		if l.Silent() >= interval {
			l.whisper(wire.Header{Type: wire.TypePing})
		}
	}
}

// whisper sends a frame without body if that takes no time. While somebody else
// is sending, or the peer does not read, it would tell the peer nothing new.
func (l *Link) whisper(h wire.Header) {
	if !l.out.TryLock() {
		return
	}
	defer l.out.Unlock()
	if l.socket.readyFor(unix.POLLOUT) {
		_, _ = l.sendLocked(h, nil, nil) // the link remembers its failure
	}
}

// Silent is the time since the last byte of the peer was read: 0 while something
// waits to be read. The owner decides how much of it makes a lost peer.
func (l *Link) Silent() time.Duration {
	if l.socket.readyFor(unix.POLLIN) {
		return 0
	}
	return now() - time.Duration(l.socket.heard.Load())
}
