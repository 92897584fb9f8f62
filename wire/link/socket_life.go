package link

import (
	"golang.org/x/sys/unix"
)

// enter keeps fd open until leave; it fails once the socket is shut.
func (s *socket) enter() bool {
	if s.users.Add(1)&closedBit != 0 {
		s.leave()
		return false
	}
	return true
}

func (s *socket) leave() {
	if s.users.Add(-1) == closedBit {
		s.release()
	}
}

// release closes the descriptor, once: only the last one out finds exactly
// closedBit and moves the count beyond it.
func (s *socket) release() {
	if s.users.CompareAndSwap(closedBit, closedBit<<1|closedBit) {
		unix.Close(s.fd)
	}
}

// shut ends the connection: blocked readers and writers return.
func (s *socket) shut() {
	for {
		v := s.users.Load()
		if v&closedBit != 0 {
			return
		}
		if s.users.CompareAndSwap(v, v|closedBit) {
			break
		}
	}
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR) // ENOTCONN: the peer was faster
	s.release()
}
