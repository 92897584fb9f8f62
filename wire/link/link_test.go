package link_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"umosix/tracer/abi"
	"umosix/wire"
	"umosix/wire/link"
	"umosix/wire/link/linktest"
)

// A frame arrives as it was sent, whatever its size.
func TestSendReceive(t *testing.T) {
	p := linktest.New(t, linktest.Options{})
	for _, size := range []int{0, 1, 100, 16<<10 - 200, 16 << 10, 16<<10 + 1, 256 << 10, 1<<20 + 7, 9 << 20} {
		want := pattern(size)
		sent := make(chan error, 1)
		go func() {
			h := wire.Header{Type: wire.TypeReply, Pid: 7, Tid: 8, Inc: 9, Ack: 10}
			err := p.Executor.Send(h, &wire.Reply{Ret: int64(size)}, want[:size/3], want[size/3:])
			if err != nil {
				p.Close()
			}
			sent <- err
		}()
		f, err := p.Deputy.Receive()
		if err := errors.Join(err, <-sent); err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		var r wire.Reply
		if err := f.Decode(&r); err != nil || r.Ret != int64(size) {
			t.Fatalf("%d bytes: body is %v, %v", size, &r, err)
		}
		if f.Pid != 7 || f.Tid != 8 || f.Inc != 9 || f.Ack != 10 || !bytes.Equal(f.Payload, want) {
			t.Fatalf("%d bytes: came as %+v with %d", size, f.Header, len(f.Payload))
		}
	}
}

// Many senders share a link: no frame is torn or lost, each one's order holds.
func TestManySenders(t *testing.T) {
	const senders, each = 8, 200
	p := linktest.New(t, linktest.Options{})
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				payload := bytes.Repeat([]byte{byte(s)}, i*150)
				if err := p.Deputy.Send(wire.Header{Type: wire.TypeReply, Pid: abi.HomePid(s + 1)}, &wire.Reply{Ret: int64(i)}, payload); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	next := [senders]int64{}
	for range senders * each {
		f, err := p.Executor.Receive()
		if err != nil {
			t.Fatal(err)
		}
		var r wire.Reply
		if err := f.Decode(&r); err != nil {
			t.Fatal(err)
		}
		s := int(f.Pid) - 1
		if r.Ret != next[s] || !bytes.Equal(f.Payload, bytes.Repeat([]byte{byte(s)}, int(r.Ret)*150)) {
			t.Fatalf("sender %d: frame %d came, %d is due", s, r.Ret, next[s])
		}
		next[s]++
	}
	wg.Wait()
}

// One thread polls the descriptor, takes what is there, and sleeps again: nothing
// may stay behind in the layers above the socket.
func TestPollAndTryReceive(t *testing.T) {
	p := linktest.New(t, linktest.Options{Link: link.Options{Ping: -1}})
	if f, err := p.Executor.TryReceive(); f != nil || err != nil {
		t.Fatalf("an idle link gave %v, %v", f, err)
	}
	const frames = 50
	for i := range frames {
		if err := p.Deputy.Send(wire.Header{Type: wire.TypeReply}, &wire.Reply{Ret: int64(i)}, pattern(i*900)); err != nil {
			t.Fatal(err)
		}
	}
	for got := 0; got < frames; {
		if ok, err := p.Executor.Ready(5 * time.Second); !ok || err != nil {
			t.Fatalf("after %d frames: ready is %v, %v", got, ok, err)
		}
		for {
			f, err := p.Executor.TryReceive()
			if err != nil {
				t.Fatal(err)
			}
			if f == nil {
				break
			}
			got++
		}
	}
	if ok, err := p.Executor.Ready(0); ok || err != nil {
		t.Fatalf("a drained link is ready: %v, %v", ok, err)
	}
}

// Ready is true only for a whole frame, and Receive then needs nothing more.
func TestReadyMeansWhole(t *testing.T) {
	p := linktest.New(t, linktest.Options{Middle: true, Link: link.Options{Ping: -1}})
	p.Middle.Up.Inject(linktest.Fault{Kind: linktest.Stall, At: 60000})
	if err := p.Deputy.Send(wire.Header{Type: wire.TypeReply}, &wire.Reply{}, pattern(100000)); err != nil {
		t.Fatal(err)
	}
	if ok, err := p.Executor.Ready(100 * time.Millisecond); ok || err != nil {
		t.Fatalf("half a frame: ready is %v, %v", ok, err)
	}
	p.Middle.Mend()
	if ok, err := p.Executor.Ready(5 * time.Second); !ok || err != nil {
		t.Fatalf("a whole frame: ready is %v, %v", ok, err)
	}
	p.Middle.Cut()
	if f, err := p.Executor.Receive(); err != nil || len(f.Payload) != 100000 {
		t.Fatal(err)
	}
}

// Close wakes whoever waits, on either side and in either direction.
func TestCloseWakes(t *testing.T) {
	for _, c := range []struct {
		name string
		wait func(p *linktest.Pair) error
		want error
	}{
		{"receive", func(p *linktest.Pair) error { _, err := p.Deputy.Receive(); return err }, link.ErrClosed},
		{"ready", func(p *linktest.Pair) error { _, err := p.Deputy.Ready(-1); return err }, link.ErrClosed},
		{"send", func(p *linktest.Pair) error { return flood(p.Deputy) }, link.ErrClosed},
		{"receive of the peer", func(p *linktest.Pair) error { _, err := p.Executor.Receive(); return err }, io.EOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := linktest.New(t, linktest.Options{})
			got := make(chan error, 1)
			go func() { got <- c.wait(p) }()
			time.Sleep(20 * time.Millisecond) // mostly it waits already; both orders must work
			p.Deputy.Close()
			select {
			case err := <-got:
				if !errors.Is(err, c.want) {
					t.Fatalf("got %v, want %v", err, c.want)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("still waiting after Close")
			}
		})
	}
}

// flood sends until it fails.
func flood(l *link.Link) error {
	for big := pattern(1 << 20); ; {
		if err := l.Send(wire.Header{Type: wire.TypeReply}, &wire.Reply{}, big); err != nil {
			return err
		}
	}
}

// An orderly end: what was sent arrives, then io.EOF, and the other half stays.
func TestCloseWrite(t *testing.T) {
	p := linktest.New(t, linktest.Options{})
	if err := p.Deputy.Send(wire.Header{Type: wire.TypeBye}, &wire.Reason{Text: "done"}); err != nil {
		t.Fatal(err)
	}
	if err := p.Deputy.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if f, err := p.Executor.Receive(); err != nil || f.Type != wire.TypeBye {
		t.Fatalf("got %v, %v", f, err)
	}
	for range 2 {
		if _, err := p.Executor.Receive(); err != io.EOF {
			t.Fatalf("got %v, want EOF", err)
		}
	}
	if err := p.Executor.Send(wire.Header{Type: wire.TypeDropped}, nil); err != nil {
		t.Fatal(err)
	}
	if f, err := p.Deputy.Receive(); err != nil || f.Type != wire.TypeDropped {
		t.Fatalf("got %v, %v", f, err)
	}
}

// A frame that cannot be encoded leaves the link as it was.
func TestBadFrameIsNotSent(t *testing.T) {
	p := linktest.New(t, linktest.Options{})
	bad := []error{
		p.Deputy.Send(wire.Header{Type: 250}, nil),
		p.Deputy.Send(wire.Header{Type: wire.TypeReply}, &wire.Reason{}),
		p.Deputy.Send(wire.Header{Type: wire.TypeGo}, nil, []byte("payload")),
		p.Deputy.Send(wire.Header{Type: wire.TypeReply}, &wire.Reply{}, make([]byte, wire.MaxFrame)),
	}
	for i, err := range bad {
		if err == nil {
			t.Errorf("frame %d was sent", i)
		}
	}
	seq, err := p.Deputy.SendNumbered(wire.Header{Type: wire.TypeGo}, nil)
	if err != nil || seq != 1 {
		t.Fatalf("good frame: seq %d, %v", seq, err)
	}
	if f, err := p.Executor.Receive(); err != nil || f.Type != wire.TypeGo || f.Seq != 1 {
		t.Fatalf("got %v, %v", f, err)
	}
}

// Identity and counters are the peer's.
func TestWhoIsThere(t *testing.T) {
	p := linktest.New(t, linktest.Options{})
	if p.Deputy.Peer() != linktest.ExecutorID || p.Executor.PeerNode() != 1 {
		t.Fatalf("peers are %v and %v", p.Deputy.Peer(), p.Executor.Peer())
	}
	before := p.Executor.Received()
	if err := p.Deputy.Send(wire.Header{Type: wire.TypeReply}, &wire.Reply{}, pattern(5000)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Executor.Receive(); err != nil {
		t.Fatal(err)
	}
	if got := p.Executor.Received() - before; got < 5000 || got > 5200 || p.Deputy.Sent() != p.Executor.Received()+41 {
		t.Fatalf("received %d; sent %d, received %d in all", got, p.Deputy.Sent(), p.Executor.Received())
	}
}

// pattern is n bytes in which no two neighbourhoods look alike.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return p
}

// A frame that was taken stays as it is while others are received, until its
// memory is given back.
func TestTake(t *testing.T) {
	p := linktest.New(t, linktest.Options{})
	const frames = 30
	content := func(i int) []byte { return bytes.Repeat([]byte{byte(i + 1)}, i*20000+1) }
	go func() {
		for i := range frames {
			if p.Deputy.Send(wire.Header{Type: wire.TypeReply}, &wire.Reply{Ret: int64(i)}, content(i)) != nil {
				return
			}
		}
	}()
	var kept []*link.Frame
	for i := range frames {
		if _, err := p.Executor.Receive(); err != nil {
			t.Fatal(err)
		}
		f, release := p.Executor.Take()
		if i%2 == 0 {
			kept = append(kept, f)
			continue
		}
		if !bytes.Equal(f.Payload, content(i)) {
			t.Fatalf("frame %d came with another payload", i)
		}
		release()
	}
	for i, f := range kept {
		if !bytes.Equal(f.Payload, content(2*i)) {
			t.Fatalf("frame %d was overwritten", 2*i)
		}
	}
}

// A large frame is copied a few times at most on its way into the buffer, however many
// records it is made of.
func TestLargeFrameIsNotCopiedAgain(t *testing.T) {
	p := linktest.New(t, linktest.Options{})
	payload := pattern(48 << 20)
	go p.Deputy.Send(wire.Header{Type: wire.TypeReply}, &wire.Reply{}, payload)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := p.Executor.Receive()
	runtime.ReadMemStats(&after)
	if err != nil || !bytes.Equal(f.Payload, payload) {
		t.Fatalf("the frame came with %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 4*uint64(len(payload)) {
		t.Errorf("%d bytes were allocated for a frame of %d", n, len(payload))
	}
}
