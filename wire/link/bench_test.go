package link_test

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/wire"
	"umosix/wire/link"
	"umosix/wire/link/linktest"
)

// spinTime is long enough to bridge the answer of a peer on another CPU.
const spinTime = 200 * time.Microsecond

// The round trip of 64 bytes, which every forwarded call pays: bare TLS over the
// blocking socket is the base that the link's frames are compared with.
func BenchmarkPingPong(b *testing.B) {
	for _, c := range []struct {
		name       string
		near, far  int // CPUs
		spin       time.Duration
		skipSingle bool
	}{
		{"same-cpu", 0, 0, 0, false},
		{"cross-cpu", 0, 1, 0, true},
		{"cross-cpu-spin", 0, 1, spinTime, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			if c.skipSingle && runtime.NumCPU() < 2 {
				b.Skip("needs two CPUs")
			}
			b.Run("tls", func(b *testing.B) { benchTLS(b, c.near, c.far, c.spin) })
			b.Run("frames", func(b *testing.B) { benchFrames(b, c.near, c.far, c.spin) })
		})
	}
}

// benchTLS sends 64 raw bytes to and fro.
func benchTLS(b *testing.B, near, far int, spin time.Duration) {
	client, server := rawPair(b, spin)
	go onCPU(far, func() {
		buf := make([]byte, 64)
		for {
			if _, err := io.ReadFull(server, buf); err != nil {
				return
			}
			if _, err := server.Write(buf); err != nil {
				return
			}
		}
	})
	buf := make([]byte, 64)
	b.ReportAllocs()
	onCPU(near, func() {
		for b.Loop() {
			if _, err := client.Write(buf); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(client, buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// rawPair is two ends of TLS over the link's sockets.
func rawPair(b *testing.B, spin time.Duration) (client, server *tls.Conn) {
	b.Helper()
	a := linktest.NewAuthority(b)
	clientConfig, err := link.ClientConfig(a.Issue(b, linktest.DeputyID), nil)
	if err != nil {
		b.Fatal(err)
	}
	serverConfig, err := link.ServerConfig(a.Issue(b, linktest.ExecutorID), nil)
	if err != nil {
		b.Fatal(err)
	}
	near, far := sockets(b, spin)
	client, server = tls.Client(near, clientConfig), tls.Server(far, serverConfig)
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		b.Fatal(err)
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return client, server
}

// sockets is a TCP connection over loopback as the link uses it.
func sockets(b *testing.B, spin time.Duration) (near, far net.Conn) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var ends [2]net.Conn
	if ends[0], err = net.Dial("tcp", l.Addr().String()); err == nil {
		ends[1], err = l.Accept()
	}
	if err != nil {
		b.Fatal(err)
	}
	for i, c := range ends {
		file, err := c.(*net.TCPConn).File()
		if err != nil {
			b.Fatal(err)
		}
		fd, err := unix.Dup(int(file.Fd()))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = file.Close(), c.Close()
		if ends[i], err = link.Socket(fd, spin); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { ends[i].Close() })
	}
	return ends[0], ends[1]
}

// benchFrames sends a call like getppid and its answer.
func benchFrames(b *testing.B, near, far int, spin time.Duration) {
	p := linktest.New(b, linktest.Options{})
	p.Deputy.SetSpin(spin)
	p.Executor.SetSpin(spin)
	go onCPU(far, func() { answer(p.Deputy) })
	call, reply := &wire.Call{Call: abi.Call{Nr: 110}}, new(wire.Reply)
	h := wire.Header{Type: wire.TypeCall, Pid: 4711, Tid: 4711}
	b.ReportAllocs()
	onCPU(near, func() {
		for b.Loop() {
			if err := p.Executor.Send(h, call); err != nil {
				b.Fatal(err)
			}
			f, err := p.Executor.Receive()
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Decode(reply); err != nil || reply.Ret != 1 {
				b.Fatal(reply, err)
			}
		}
	})
	p.Close()
}

// answer replies to calls until the link ends.
func answer(l *link.Link) {
	call, reply := new(wire.Call), &wire.Reply{Ret: 1}
	for {
		f, err := l.Receive()
		if err != nil || f.Decode(call) != nil {
			return
		}
		h := f.Header
		h.Type, h.Ack = wire.TypeReply, h.Seq
		if l.Send(h, reply) != nil {
			return
		}
	}
}

// BenchmarkPages sends batches of 256 KiB, as a move does.
func BenchmarkPages(b *testing.B) {
	p := linktest.New(b, linktest.Options{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range b.N {
			if _, err := p.Executor.Receive(); err != nil {
				return
			}
		}
	}()
	batch := &image.Batch{File: -1, Runs: []image.Run{{Addr: 0x10000, Pages: 64}}}
	pages := pattern(image.BatchBytes)
	b.SetBytes(int64(len(pages)))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := p.Deputy.Send(wire.Header{Type: wire.TypeBatch}, batch, pages); err != nil {
			b.Fatal(err)
		}
	}
	<-done
}

// onCPU runs f on a thread of its own, bound to a CPU, and waits for it.
func onCPU(cpu int, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with its binding
		var set unix.CPUSet
		set.Set(cpu)
		_ = unix.SchedSetaffinity(0, &set)
		f()
	}()
	<-done
}
