package link_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"umosix/wire"
	"umosix/wire/link"
	"umosix/wire/link/linktest"
)

// Whatever happens to the bytes on their way, at whatever byte: each frame that is
// received is the next one that was sent, whole; then comes an error that says
// that the link is lost, never an orderly end.
func TestFaults(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 10
	}
	const frames, size = 12, 9000
	for seed := range seeds {
		fault := linktest.RandomFault(seed, frames*size)
		p := linktest.New(t, linktest.Options{Middle: true, Link: link.Options{Ping: -1}})
		p.Middle.Up.Inject(fault)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for i := range frames {
				if p.Deputy.Send(wire.Header{Type: wire.TypeReply}, &wire.Reply{Ret: int64(i)}, numbered(i, size)) != nil {
					return
				}
			}
		}()
		patience := 20 * time.Second
		if fault.Kind == linktest.Stall {
			patience = 100 * time.Millisecond // nobody tells a receiver that nothing comes
		}
		got, err := receiveAll(t, p.Executor, size, patience)
		if got >= frames {
			t.Fatalf("seed %d: %v at byte %d: all frames arrived", seed, fault.Kind, fault.At)
		}
		if fault.Kind != linktest.Stall && (!errors.Is(err, link.ErrLost) || errors.Is(err, io.EOF)) {
			t.Fatalf("seed %d: %v at byte %d: after %d frames %v", seed, fault.Kind, fault.At, got, err)
		}
		if fault.Kind != linktest.Stall && !errors.Is(p.Executor.Err(), link.ErrLost) {
			t.Fatalf("seed %d: the link's state is %v", seed, p.Executor.Err())
		}
		p.Close()
		<-sent
	}
}

// numbered is a payload that tells its frame.
func numbered(i, size int) []byte {
	p := pattern(size)
	p[0], p[size-1] = byte(i), byte(i)
	return p
}

// receiveAll checks frames until one does not come, and counts the good ones.
func receiveAll(t *testing.T, l *link.Link, size int, patience time.Duration) (int, error) {
	t.Helper()
	for i := 0; ; i++ {
		if ok, err := l.Ready(patience); !ok {
			return i, err
		}
		f, err := l.Receive()
		if err != nil {
			return i, err
		}
		var r wire.Reply
		if err := f.Decode(&r); err != nil || int(r.Ret) != i || !bytes.Equal(f.Payload, numbered(i, size)) {
			t.Fatalf("frame %d is %v with %d bytes, %v", i, &r, len(f.Payload), err)
		}
	}
}

// A peer that takes nothing any more loses the link after Grace, not before.
func TestSendGivesUp(t *testing.T) {
	const grace = 300 * time.Millisecond
	p := linktest.New(t, linktest.Options{Middle: true, Link: link.Options{Grace: grace, Ping: -1}})
	p.Middle.Cut()
	begin := time.Now()
	err := flood(p.Deputy)
	if took := time.Since(begin); !errors.Is(err, link.ErrLost) || took < grace || took > 20*grace {
		t.Fatalf("after %v: %v", took, err)
	}
	if _, err := p.Deputy.Receive(); !errors.Is(err, link.ErrLost) {
		t.Fatalf("the receiver is told %v", err)
	}
}

// Pings keep an idle link from looking dead, and only those: a cut one does.
func TestSilence(t *testing.T) {
	const ping = 20 * time.Millisecond
	p := linktest.New(t, linktest.Options{Middle: true, Link: link.Options{Ping: ping}})
	ended := make(chan struct{}, 2)
	for _, l := range []*link.Link{p.Deputy, p.Executor} {
		go func() {
			if f, err := l.Receive(); err == nil {
				t.Errorf("received %v", f.Header)
			}
			ended <- struct{}{}
		}()
	}
	for end := time.Now().Add(20 * ping); time.Now().Before(end); {
		if s := p.Deputy.Silent(); s > 15*ping {
			t.Fatalf("an idle link is silent for %v", s)
		}
	}
	p.Middle.Cut()
	for end := time.Now().Add(10 * time.Second); p.Deputy.Silent() < 25*ping; {
		if time.Now().After(end) {
			t.Fatal("a cut link does not look silent")
		}
	}
	p.Middle.Mend()
	for end := time.Now().Add(10 * time.Second); p.Deputy.Silent() > 15*ping; {
		if time.Now().After(end) {
			t.Fatal("a mended link looks silent")
		}
	}
	p.Close()
	<-ended
	<-ended
}

// A reset reaches a receiver at once.
func TestReset(t *testing.T) {
	p := linktest.New(t, linktest.Options{Middle: true, Link: link.Options{Ping: -1}})
	got := make(chan error, 1)
	go func() { _, err := p.Executor.Receive(); got <- err }()
	p.Middle.Drop()
	select {
	case err := <-got:
		if !errors.Is(err, link.ErrLost) {
			t.Fatal(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("a reset went unnoticed")
	}
}

// Delay is no fault.
func TestDelay(t *testing.T) {
	const delay = 30 * time.Millisecond
	p := linktest.New(t, linktest.Options{Middle: true})
	p.Middle.Up.Delay(delay)
	begin := time.Now()
	if err := p.Deputy.Send(wire.Header{Type: wire.TypeGo}, nil); err != nil {
		t.Fatal(err)
	}
	if ok, err := p.Executor.Ready(0); ok || err != nil {
		t.Fatalf("too early: %v, %v", ok, err)
	}
	if _, err := p.Executor.Receive(); err != nil || time.Since(begin) < delay {
		t.Fatalf("after %v: %v", time.Since(begin), err)
	}
}
