package control

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// NewChannel makes the two ends of a channel: mosd's, and the one that the child
// finds at ChannelFd. Both are closed on exec.
func NewChannel() (ours net.Conn, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("control: making a channel: %w", err)
	}
	end := os.NewFile(uintptr(pair[0]), "channel")
	defer end.Close() // FileConn has its own copy
	theirs = os.NewFile(uintptr(pair[1]), "channel")
	if ours, err = net.FileConn(end); err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("control: making a channel: %w", err)
	}
	return ours, theirs, nil
}
