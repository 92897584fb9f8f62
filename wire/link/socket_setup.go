package link

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// tune sets what a link wants of TCP (man 7 tcp): frames leave at once, and a
// peer that vanished without a word is given up after grace.
func tune(fd int, grace time.Duration) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return fmt.Errorf("link on descriptor %d: %w", fd, err)
	}
	if domain == unix.AF_UNIX {
		return nil
	}
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.SOL_TCP, unix.TCP_KEEPIDLE, 5},
		{unix.SOL_TCP, unix.TCP_KEEPINTVL, 5},
		{unix.SOL_TCP, unix.TCP_KEEPCNT, 6},
		{unix.SOL_TCP, unix.TCP_USER_TIMEOUT, int(grace.Milliseconds())},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("set option %d of socket %d: %w", o.name, fd, err)
		}
	}
	return nil
}

// addresses asks the kernel for both ends; a Unix socket has none worth printing.
func addresses(fd int) (local, remote net.Addr) {
	l, _ := unix.Getsockname(fd)
	r, _ := unix.Getpeername(fd)
	return netAddr(l), netAddr(r)
}

func netAddr(sa unix.Sockaddr) net.Addr {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)))
	case *unix.SockaddrInet6:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)))
	}
	return &net.UnixAddr{Net: "unix"}
}
