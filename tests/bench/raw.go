package bench

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/wire/link"
	"umosix/wire/link/linktest"
)

// blocking is a TCP socket that is read and written with plain system calls by the
// calling thread, the fastest that Go can do: after spinning a while for an answer
// it sleeps in the kernel.
type blocking struct {
	net.Conn // only for the methods that TLS does not use
	fd       int
	spin     time.Duration
}

// Read reads what is there, or waits for it.
func (c *blocking) Read(p []byte) (int, error) {
	for end := time.Now().Add(c.spin); c.spin > 0 && time.Now().Before(end); {
		if n, _, err := unix.Recvfrom(c.fd, p, unix.MSG_DONTWAIT); err == nil {
			return ended(n)
		}
	}
	n, err := unix.Read(c.fd, p)
	if err != nil {
		return 0, err
	}
	return ended(n)
}

func ended(n int) (int, error) {
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Write writes all of p.
func (c *blocking) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n, err := unix.Write(c.fd, p[done:])
		if err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}

// Close ends the connection for both sides, also for a thread that waits in Read.
func (c *blocking) Close() error {
	_ = unix.Shutdown(c.fd, unix.SHUT_RDWR)
	return unix.Close(c.fd)
}

// rawPair is a TCP connection over loopback.
func rawPair(b *testing.B, spin time.Duration) (near, far *blocking) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ends := [2]net.Conn{}
	if ends[0], err = net.Dial("tcp", l.Addr().String()); err == nil {
		ends[1], err = l.Accept()
	}
	if err != nil {
		b.Fatal(err)
	}
	return unwrap(b, ends[0], spin), unwrap(b, ends[1], spin)
}

func unwrap(b *testing.B, c net.Conn, spin time.Duration) *blocking {
	b.Helper()
	defer c.Close()
	file, err := c.(*net.TCPConn).File()
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	fd, err := unix.Dup(int(file.Fd()))
	if err != nil {
		b.Fatal(err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		b.Fatal(err)
	}
	return &blocking{fd: fd, spin: spin}
}

// onCPU runs f on a thread bound to one CPU; the thread ends with f.
func onCPU(cpu int, f func()) {
	var wait sync.WaitGroup
	wait.Go(func() {
		runtime.LockOSThread()
		var set unix.CPUSet
		set.Set(cpu)
		_ = unix.SchedSetaffinity(0, &set) // without it the number is only noisier
		f()
	})
	wait.Wait()
}

// pingPong is the time of one round trip of 64 bytes over TLS 1.3, between threads
// on the given CPUs.
func pingPong(b *testing.B, near, far int, spin time.Duration, trips int) time.Duration {
	b.Helper()
	client, server := secure(b, spin)
	defer client.NetConn().Close()
	go onCPU(far, func() {
		defer server.NetConn().Close()
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
	var took time.Duration
	onCPU(near, func() {
		buf := make([]byte, 64)
		begun := time.Now()
		for range trips {
			if _, err := client.Write(buf); err != nil {
				b.Error(err)
				return
			}
			if _, err := io.ReadFull(client, buf); err != nil {
				b.Error(err)
				return
			}
		}
		took = time.Since(begun)
	})
	return took / time.Duration(trips)
}

// secure puts TLS with the product's settings on a raw pair.
func secure(b *testing.B, spin time.Duration) (client, server *tls.Conn) {
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
	near, far := rawPair(b, spin)
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

// rawCopy is the time to read size bytes of a process at an address and have them
// in fresh memory behind a TCP connection.
func rawCopy(b *testing.B, pid int, address uintptr, size int) time.Duration {
	b.Helper()
	near, far := rawPair(b, 0)
	defer near.Close()
	defer far.Close()
	const chunk = 1 << 20
	received := make(chan error, 1)
	begun := time.Now()
	go func() {
		memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err == nil {
			_, err = io.ReadFull(far, memory)
			_ = unix.Munmap(memory)
		}
		received <- err
	}()
	buf := make([]byte, chunk)
	for at := 0; at < size; at += chunk {
		local := []unix.Iovec{{Base: &buf[0], Len: chunk}}
		remote := []unix.RemoteIovec{{Base: address + uintptr(at), Len: chunk}}
		n, err := unix.ProcessVMReadv(pid, local, remote, 0)
		if err == nil && n != chunk {
			err = fmt.Errorf("short read of %d bytes", n)
		}
		if err == nil {
			_, err = near.Write(buf)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := <-received; err != nil {
		b.Fatal(err)
	}
	return time.Since(begun)
}
