package link_test

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/wire"
	"umosix/wire/link"
	"umosix/wire/link/linktest"
)

// hostile connects a peer with a good certificate that sends bytes of its own to
// an executor's link.
func hostile(t *testing.T) (*tls.Conn, *link.Link) {
	t.Helper()
	a := linktest.NewAuthority(t)
	client, err := link.ClientConfig(a.Issue(t, linktest.DeputyID), nil)
	if err != nil {
		t.Fatal(err)
	}
	server, err := link.ServerConfig(a.Issue(t, linktest.ExecutorID), nil)
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := link.Socket(fds[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(raw, client)
	handshake := make(chan error, 1)
	go func() { handshake <- conn.Handshake() }()
	l, err := link.Accept(fds[1], server, link.Options{Ping: -1})
	if err := errors.Join(err, <-handshake); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = l.Close(), conn.Close() })
	return conn, l
}

// frame is a frame as a good peer would send it.
func frame(t *testing.T, h wire.Header, body any) []byte {
	t.Helper()
	b, err := wire.AppendFrame(nil, h, body, 0)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A peer that breaks the protocol costs its own connection.
func TestHostileFrames(t *testing.T) {
	good := func(t *testing.T) []byte { return frame(t, wire.Header{Type: wire.TypeGo, Seq: 1}, nil) }
	for name, bytes := range map[string]func(t *testing.T) []byte{
		"first frame is not 1": func(t *testing.T) []byte { return frame(t, wire.Header{Type: wire.TypeGo, Seq: 2}, nil) },
		"a ping out of order":  func(t *testing.T) []byte { return frame(t, wire.Header{Type: wire.TypePing, Seq: 7}, nil) },
		"unknown type":         func(t *testing.T) []byte { b := good(t); b[4] = 99; return b },
		"shorter than a header": func(t *testing.T) []byte {
			return binary.BigEndian.AppendUint32(nil, wire.HeaderLen-1)
		},
		"longer than a frame may be": func(t *testing.T) []byte {
			return binary.BigEndian.AppendUint32(nil, wire.MaxFrame+1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn, l := hostile(t)
			if _, err := conn.Write(bytes(t)); err != nil {
				t.Fatal(err)
			}
			_, err := l.Receive()
			if !errors.Is(err, link.ErrLost) || !errors.Is(err, wire.ErrFrame) {
				t.Fatalf("got %v", err)
			}
			if err := l.Send(wire.Header{Type: wire.TypeGo}, nil); !errors.Is(err, link.ErrLost) {
				t.Fatalf("sending goes on: %v", err)
			}
		})
	}
}

// A frame may come in as many records as it has bytes.
func TestCrumbs(t *testing.T) {
	conn, l := hostile(t)
	whole := append(frame(t, wire.Header{Type: wire.TypeGo, Seq: 1}, nil), frame(t, wire.Header{Type: wire.TypeThaw, Seq: 2}, nil)...)
	go func() {
		for i := range whole {
			if _, err := conn.Write(whole[i : i+1]); err != nil {
				return
			}
		}
	}()
	for _, want := range []wire.Type{wire.TypeGo, wire.TypeThaw} {
		if ok, err := l.Ready(5 * time.Second); !ok || err != nil {
			t.Fatalf("waiting for %s: %v, %v", want, ok, err)
		}
		if f, err := l.TryReceive(); err != nil || f == nil || f.Type != want {
			t.Fatalf("got %v, %v", f, err)
		}
	}
}

// Who says that 80 MiB are coming and sends few gets little memory for it.
func TestClaimedLength(t *testing.T) {
	conn, l := hostile(t)
	claim := frame(t, wire.Header{Type: wire.TypeReply, Seq: 1}, &wire.Reply{})
	binary.BigEndian.PutUint32(claim, wire.MaxFrame)
	if _, err := conn.Write(append(claim, make([]byte, 100<<10)...)); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if ok, err := l.Ready(50 * time.Millisecond); ok || err != nil {
		t.Fatalf("ready is %v, %v", ok, err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
		t.Fatalf("%d bytes allocated", grown)
	}
}

// The link adds no allocation to what TLS makes for each record it receives.
func TestRoundTripAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools forget at random")
	}
	p := linktest.New(t, linktest.Options{Link: link.Options{Ping: -1}})
	ended := make(chan struct{})
	go func() { defer close(ended); answer(p.Deputy) }()
	call, reply := new(wire.Call), new(wire.Reply)
	n := testing.AllocsPerRun(500, func() {
		if err := p.Executor.Send(wire.Header{Type: wire.TypeCall}, call); err != nil {
			t.Fatal(err)
		}
		if f, err := p.Executor.Receive(); err != nil || f.Decode(reply) != nil {
			t.Fatal(err)
		}
	})
	if n > 2 {
		t.Errorf("%v allocations per round trip", n)
	}
	p.Close()
	<-ended
}

// Spinning changes when a receiver sleeps, not what it receives.
func TestSpin(t *testing.T) {
	p := linktest.New(t, linktest.Options{})
	p.Executor.SetSpin(time.Millisecond)
	ended := make(chan struct{})
	go func() { defer close(ended); answer(p.Deputy) }()
	for i := range 100 {
		if err := p.Executor.Send(wire.Header{Type: wire.TypeCall}, new(wire.Call)); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if ok, err := p.Executor.Ready(5 * time.Second); !ok || err != nil {
				t.Fatalf("ready is %v, %v", ok, err)
			}
		}
		if f, err := p.Executor.Receive(); err != nil || f.Ack == 0 {
			t.Fatalf("got %v, %v", f, err)
		}
	}
	p.Close()
	<-ended
}
