package link

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"umosix/wire"
)

// ErrSilent is wrapped, beside ErrLost, by the error of a link whose peer has given
// no sign of life for Options.Grace.
var ErrSilent = errors.New("nothing was heard of the peer")

// keepAlive asks the peer for a sign of life after every interval without one, and
// gives one itself after every interval in which nothing was sent: its owner may
// be too busy to receive, and so to answer. A peer that is silent for grace is lost.
func (l *Link) keepAlive(interval, grace time.Duration) {
	tick := time.NewTicker(max(min(interval, grace)/2, time.Millisecond))
	defer tick.Stop()
	spoken, since := l.Sent(), now()
	for {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		silent := l.Silent()
		if silent >= grace {
			_ = l.lost("receive", fmt.Errorf("%w for %v", ErrSilent, silent.Round(time.Millisecond)))
			return
		}
		if sent := l.Sent(); sent != spoken {
			spoken, since = sent, now()
		}
		if silent >= interval || now()-since >= interval {
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
// waits to be read.
func (l *Link) Silent() time.Duration {
	if l.socket.readyFor(unix.POLLIN) {
		return 0
	}
	return now() - time.Duration(l.socket.heard.Load())
}
