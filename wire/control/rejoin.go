package control

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The paths at which a half that outlived its mosd finds the new one.
const (
	DeputyPath   = "/v1/deputy"
	ExecutorPath = "/v1/executor"
)

// Rejoin offers a deputy (DeputyPath) or executor (ExecutorPath) to the mosd at
// the control socket. The file is its new channel; Start is not said again. It
// fails with ErrAbsent while no mosd answers: the caller tries again later.
func Rejoin(path, verb string, who Adopt) (*os.File, error) {
	request, err := compose("POST", verb, who)
	if err != nil {
		return nil, err
	}
	conn, err := dial(path, 10*time.Second)
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %v", ErrAbsent, path, err)
	}
	if err := conn.rejoin(request); err != nil {
		conn.Close()
		return nil, err
	}
	return os.NewFile(uintptr(conn.fd), "channel"), nil
}

// rejoin reads the head of the answer byte by byte: what follows it belongs to
// the channel.
func (s *socket) rejoin(request []byte) error {
	if _, err := s.Write(request); err != nil {
		return fmt.Errorf("control: rejoining mosd: %w", err)
	}
	status, err := readHeadUnbuffered(s)
	if err != nil {
		return fmt.Errorf("control: rejoining mosd: %w", err)
	}
	if status != 101 {
		return fmt.Errorf("control: mosd refuses the channel with HTTP status %d", status)
	}
	s.forever()
	if err := s.limit(unix.SO_RCVTIMEO); err != nil {
		return err
	}
	return s.limit(unix.SO_SNDTIMEO)
}

func readHeadUnbuffered(reader io.Reader) (int, error) {
	const longest = 4 << 10
	var head []byte
	for one := make([]byte, 1); len(head) < longest; {
		if _, err := io.ReadFull(reader, one); err != nil {
			return 0, err
		}
		head = append(head, one[0])
		if n := len(head); n >= 4 && string(head[n-4:]) == "\r\n\r\n" {
			return parseStatus(string(head[:bytes.IndexByte(head, '\r')]))
		}
	}
	return 0, fmt.Errorf("the answer's head is longer than %d bytes", longest)
}
