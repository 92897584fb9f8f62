package control

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a blocking stream socket with a deadline for the whole exchange. It
// stays away from the runtime's poller, so that mosrun opens nothing else.
type socket struct {
	fd       int
	deadline time.Time // zero: none
}

var errTimeout = errors.New("mosd did not answer in time")

func dial(path string, timeout time.Duration) (*socket, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	s := &socket{fd: fd, deadline: time.Now().Add(timeout)}
	if err := s.connect(path); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// connect is tried again after a signal: a unix socket that is not connected
// yet simply starts over (connect(2)).
func (s *socket) connect(path string) error {
	if err := s.limit(unix.SO_SNDTIMEO); err != nil {
		return err
	}
	for {
		err := unix.Connect(s.fd, &unix.SockaddrUnix{Name: path})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// forever lifts the deadline.
func (s *socket) forever() { s.deadline = time.Time{} }

// limit tells the kernel how long the next operation may take.
func (s *socket) limit(option int) error {
	var left time.Duration // 0 is the kernel's word for no limit
	if !s.deadline.IsZero() {
		if left = time.Until(s.deadline); left < time.Microsecond {
			return errTimeout
		}
	}
	timeval := unix.NsecToTimeval(int64(left))
	return unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, option, &timeval)
}

// Read is io.Reader.
func (s *socket) Read(p []byte) (int, error) {
	if err := s.limit(unix.SO_RCVTIMEO); err != nil {
		return 0, err
	}
	for {
		n, err := unix.Read(s.fd, p)
		switch {
		case errors.Is(err, unix.EINTR):
			if err := s.limit(unix.SO_RCVTIMEO); err != nil {
				return 0, err
			}
		case errors.Is(err, unix.EAGAIN):
			return 0, errTimeout
		case err != nil:
			return 0, fmt.Errorf("reading: %w", err)
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Write is io.Writer; a peer that is gone is an error, not SIGPIPE.
func (s *socket) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		if err := s.limit(unix.SO_SNDTIMEO); err != nil {
			return done, err
		}
		n, err := unix.SendmsgN(s.fd, p[done:], nil, nil, unix.MSG_NOSIGNAL)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return done, errTimeout
		case err != nil:
			return done, fmt.Errorf("writing: %w", err)
		default:
			done += n
		}
	}
	return done, nil
}

// Close is io.Closer.
func (s *socket) Close() error { return unix.Close(s.fd) }
