package link

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// start is the zero of all instants of this package: monotonic, and small enough
// for an atomic word.
var start = time.Now()

// now is the time since start.
func now() time.Duration { return time.Since(start) }

// never is a deadline that does not come.
const never = time.Duration(1<<63 - 1)

// errWouldBlock is what a socket in the mood not to wait answers. It is a
// temporary net.Error, which TLS does not hold against the connection: reading
// goes on later where it stopped.
var errWouldBlock net.Error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "no data yet" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

// socket is a net.Conn over a blocking stream socket. One goroutine may read and
// one may write at a time (TLS sees to that); shut may be called by anyone and
// wakes both.
type socket struct {
	fd int

	// users counts the calls that are using fd, plus closedBit once it is shut:
	// the number must not go back to the kernel, and so to another file, before
	// the last of them has returned.
	users atomic.Int64

	sent, received atomic.Uint64 // bytes
	heard          atomic.Int64  // when the last byte came, as now()

	readDeadline, writeDeadline atomic.Int64 // as now(); never
	stall                       atomic.Int64 // a writer waits this long for any progress

	// Of the reader:
	noWait bool         // answer errWouldBlock where one would wait
	spin   atomic.Int64 // look that long for data before sleeping
	local  net.Addr
	remote net.Addr
}

const closedBit = 1 << 32

// newSocket takes over fd, which is closed on failure too. A peer that takes
// nothing for grace is given up.
func newSocket(fd int, grace time.Duration) (*socket, error) {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set socket %d blocking: %w", fd, err)
	}
	s := &socket{fd: fd}
	s.stall.Store(int64(grace))
	s.local, s.remote = addresses(fd)
	s.readDeadline.Store(int64(never))
	s.writeDeadline.Store(int64(never))
	s.heard.Store(int64(now()))
	if err := tune(fd, grace); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return s, nil
}

// Read reads what there is, at least one byte. The peer's silent end is an error
// like a reset: an orderly one is announced under TLS.
func (s *socket) Read(p []byte) (int, error) {
	if !s.enter() {
		return 0, net.ErrClosed
	}
	defer s.leave()
	n, err := s.read(p)
	if err != nil {
		return 0, err
	}
	s.received.Add(uint64(n))
	s.heard.Store(int64(now()))
	return n, nil
}

func (s *socket) read(p []byte) (int, error) {
	deadline := time.Duration(s.readDeadline.Load())
	n, errno := 0, unix.EAGAIN
	switch {
	case s.noWait:
		n, errno = recvNow(s.fd, p)
	case deadline != never:
		n, errno = s.readUntil(p, deadline)
	default:
		if d := time.Duration(s.spin.Load()); d > 0 {
			n, errno = s.readSpinning(p, d)
		}
		for errno == unix.EAGAIN || errno == unix.EINTR {
			n, errno = recvWait(s.fd, p)
		}
	}
	switch {
	case s.noWait && (errno == unix.EAGAIN || errno == unix.EINTR):
		return 0, errWouldBlock
	case errno != 0:
		return 0, s.failure("read", errno)
	case n == 0 && len(p) > 0:
		return 0, s.failure("read", errHangup)
	}
	return n, nil
}

// readSpinning looks for data for d; EAGAIN means that none came.
func (s *socket) readSpinning(p []byte, d time.Duration) (int, syscall.Errno) {
	for end := now() + d; ; {
		n, errno := recvNow(s.fd, p)
		if errno != unix.EAGAIN && errno != unix.EINTR || now() >= end {
			return n, errno
		}
	}
}

// readUntil waits for data until the deadline; ETIMEDOUT means that none came.
func (s *socket) readUntil(p []byte, deadline time.Duration) (int, syscall.Errno) {
	for {
		n, errno := recvNow(s.fd, p)
		if errno != unix.EAGAIN && errno != unix.EINTR {
			return n, errno
		}
		if ready, err := s.poll(unix.POLLIN, deadline); err != 0 || !ready {
			return 0, timedOut(err)
		}
	}
}

func timedOut(errno syscall.Errno) syscall.Errno {
	if errno != 0 {
		return errno
	}
	return unix.ETIMEDOUT
}

// Write writes all of p. It gives up when the peer takes nothing for the time
// that the link allows.
func (s *socket) Write(p []byte) (int, error) {
	if !s.enter() {
		return 0, net.ErrClosed
	}
	defer s.leave()
	done := 0
	for done < len(p) {
		n, errno := sendNow(s.fd, p[done:])
		switch errno {
		case 0:
			done += n
			s.sent.Add(uint64(n))
		case unix.EINTR:
		case unix.EAGAIN:
			deadline := min(time.Duration(s.writeDeadline.Load()), now()+time.Duration(s.stall.Load()))
			if ready, err := s.poll(unix.POLLOUT, deadline); err != 0 || !ready {
				return done, s.failure("write", timedOut(err))
			}
		default:
			return done, s.failure("write", errno)
		}
	}
	return done, nil
}

// poll waits until fd is ready for events (errors count as ready) or the deadline
// has passed. The caller has entered.
func (s *socket) poll(events int16, deadline time.Duration) (bool, syscall.Errno) {
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: events}}
	for {
		wait := -1
		if deadline != never {
			wait = int(max(0, deadline-now()+time.Millisecond-1) / time.Millisecond)
		}
		n, err := unix.Poll(fds, wait)
		switch {
		case n > 0:
			return true, 0
		case err == nil:
			return false, 0
		case err != unix.EINTR:
			return false, err.(syscall.Errno)
		}
	}
}

// readyFor says whether events are there, without waiting; a socket that was shut
// is ready for nothing.
func (s *socket) readyFor(events int16) bool {
	if !s.enter() {
		return false
	}
	defer s.leave()
	ready, errno := s.poll(events, 0)
	return ready && errno == 0
}

// hurry makes writers wait for nothing from now on.
func (s *socket) hurry() { s.stall.Store(0) }

// errHangup stands for an end of the stream that nobody announced.
var errHangup = errors.New("connection ended by the peer")

// failure puts an error in words.
func (s *socket) failure(op string, err error) error {
	if s.users.Load()&closedBit != 0 {
		return net.ErrClosed
	}
	if err == unix.ETIMEDOUT {
		err = os.ErrDeadlineExceeded
	}
	return &net.OpError{Op: op, Net: "tcp", Source: s.local, Addr: s.remote, Err: err}
}

// Close is part of net.Conn; TLS calls it at its end.
func (s *socket) Close() error {
	s.shut()
	return nil
}

func (s *socket) LocalAddr() net.Addr  { return s.local }
func (s *socket) RemoteAddr() net.Addr { return s.remote }

// SetDeadline bounds the handshake. Deadlines do not wake calls that wait already.
func (s *socket) SetDeadline(t time.Time) error {
	_ = s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

func (s *socket) SetReadDeadline(t time.Time) error {
	s.readDeadline.Store(int64(instant(t)))
	return nil
}

func (s *socket) SetWriteDeadline(t time.Time) error {
	s.writeDeadline.Store(int64(instant(t)))
	return nil
}

func instant(t time.Time) time.Duration {
	if t.IsZero() {
		return never
	}
	return t.Sub(start)
}
