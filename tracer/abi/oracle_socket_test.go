package abi

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// length is a socklen_t in memory.
func length(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

// newPair is room for two descriptors that are closed in the end.
func (w *world) newPair(a *arena) uint64 {
	at := a.room(8)
	w.after = append(w.after, func() {
		b := a.bytes[Addr(at)-a.start():]
		if u32(b, 0) != 0 {
			unix.Close(int(u32(b, 0)))
			unix.Close(int(u32(b, 4)))
		}
	})
	return at
}

// send writes to the other end of a pair.
func (w *world) send(fd int, s string) {
	w.must(unix.Send(fd, []byte(s), 0))
}

// filtered is a socket with a filter of two instructions.
func (w *world) filtered() uint64 {
	fd := w.bound()
	all := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, {Code: unix.BPF_RET, K: 1 << 20}}
	w.must(unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 2, Filter: &all[0]}))
	return fd
}

var socketScenes = []scene{
	{"getsockname", unix.SYS_GETSOCKNAME, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.bound(), a.room(128), a.put(length(128))}
	}, true},
	{"getsockname cut", unix.SYS_GETSOCKNAME, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.bound(), a.room(128), a.put(length(4))}
	}, true},
	{"getsockname negative", unix.SYS_GETSOCKNAME, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.bound(), a.room(128), a.put(length(1 << 31))}
	}, false},
	{"getsockname no room", unix.SYS_GETSOCKNAME, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.bound(), 0, a.put(length(0))}
	}, true},
	{"getsockname bad length", unix.SYS_GETSOCKNAME, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.bound(), a.room(128), uint64(a.end()) - 2}
	}, false},
	{"connect refused", unix.SYS_CONNECT, func(w *world, a *arena) [6]uint64 {
		fd, _ := w.pair(unix.SOCK_STREAM)
		return [6]uint64{fd, a.put(append(length(unix.AF_UNIX)[:2], "/none\x00"...)), 8}
	}, false},
	{"socketpair", unix.SYS_SOCKETPAIR, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{unix.AF_UNIX, unix.SOCK_DGRAM | unix.SOCK_CLOEXEC, 0, w.newPair(a)}
	}, true},
	{"getsockopt", unix.SYS_GETSOCKOPT, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.bound(), unix.SOL_SOCKET, unix.SO_TYPE, a.room(16), a.put(length(16))}
	}, true},
	{"getsockopt SO_PEERGROUPS", unix.SYS_GETSOCKOPT, func(w *world, a *arena) [6]uint64 {
		fd, _ := w.pair(unix.SOCK_STREAM)
		return [6]uint64{fd, unix.SOL_SOCKET, unix.SO_PEERCRED, a.room(16), a.put(length(12))}
	}, true},
	{"setsockopt filter", unix.SYS_SETSOCKOPT, func(w *world, a *arena) [6]uint64 {
		filter := a.put(words(0xffffffff<<32 | 6)) // return everything
		return [6]uint64{w.bound(), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, a.put(words(1, filter)), 16}
	}, true},
	{"getsockopt filter", unix.SYS_GETSOCKOPT, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.filtered(), unix.SOL_SOCKET, soGetFilter, a.room(64), a.put(length(8))}
	}, true},
	{"getsockopt filter size", unix.SYS_GETSOCKOPT, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.filtered(), unix.SOL_SOCKET, soGetFilter, 0, a.put(length(0))}
	}, true},
	{"getsockopt filter cut", unix.SYS_GETSOCKOPT, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.filtered(), unix.SOL_SOCKET, soGetFilter, a.room(64), a.put(length(1))}
	}, false},
	{"recvfrom", unix.SYS_RECVFROM, func(w *world, a *arena) [6]uint64 {
		fd, peer := w.pair(unix.SOCK_DGRAM)
		w.send(peer, "datagram")
		return [6]uint64{fd, a.room(64), 64, 0, a.room(128), a.put(length(128))}
	}, true},
	{"recvfrom MSG_TRUNC", unix.SYS_RECVFROM, func(w *world, a *arena) [6]uint64 {
		fd, peer := w.pair(unix.SOCK_DGRAM)
		w.send(peer, "datagram")
		return [6]uint64{fd, a.room(3), 3, unix.MSG_TRUNC}
	}, true},
	{"recvfrom nothing", unix.SYS_RECVFROM, func(w *world, a *arena) [6]uint64 {
		fd, _ := w.pair(unix.SOCK_DGRAM)
		return [6]uint64{fd, a.room(3), 3, unix.MSG_DONTWAIT}
	}, false},
	{"SIOCGIFCONF", unix.SYS_IOCTL, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.udp(), 0x8912, a.put(words(400, a.room(400)))}
	}, true},
	{"SIOCGIFCONF length", unix.SYS_IOCTL, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.udp(), 0x8912, a.put(words(0, 0))}
	}, true},
	{"SIOCGIFFLAGS", unix.SYS_IOCTL, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.udp(), 0x8913, a.put(append([]byte("lo"), make([]byte, 38)...))}
	}, true},
}

// udp is a socket of the internet.
func (w *world) udp() uint64 {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	w.must(err)
	w.keep(fd)
	return uint64(fd)
}

// bound is a socket with a name.
func (w *world) bound() uint64 {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	w.must(err)
	w.keep(fd)
	w.must(unix.Bind(fd, &unix.SockaddrUnix{Name: "@umosix-oracle-name"}))
	return uint64(fd)
}

// header is a struct msghdr in memory.
func header(name, namelen, iov, iovlen, control, controllen uint64) []byte {
	return words(name, namelen, iov, iovlen, control, controllen, 0)
}

var messageScenes = []scene{
	{"sendmsg", unix.SYS_SENDMSG, func(w *world, a *arena) [6]uint64 {
		fd, _ := w.pair(unix.SOCK_DGRAM)
		iov := a.put(words(a.str("one"), 3, a.str("two"), 3))
		rights := a.put(unix.UnixRights(int(fd)))
		return [6]uint64{fd, a.put(header(0, 0, iov, 2, rights, 24)), 0}
	}, true},
	{"sendmsg bad iov", unix.SYS_SENDMSG, func(w *world, a *arena) [6]uint64 {
		fd, _ := w.pair(unix.SOCK_DGRAM)
		return [6]uint64{fd, a.put(header(0, 0, uint64(a.end())-16, 2, 0, 0)), 0}
	}, false},
	{"sendmsg bad header", unix.SYS_SENDMSG, func(w *world, a *arena) [6]uint64 {
		fd, _ := w.pair(unix.SOCK_DGRAM)
		return [6]uint64{fd, uint64(a.end()) - 8, 0}
	}, false},
	{"recvmsg with rights", unix.SYS_RECVMSG, func(w *world, a *arena) [6]uint64 {
		fd, peer := w.pair(unix.SOCK_DGRAM)
		w.must(unix.Sendmsg(peer, []byte("abcdef"), unix.UnixCredentials(&unix.Ucred{Pid: int32(unix.Getpid()), Uid: uint32(unix.Getuid()), Gid: uint32(unix.Getgid())}), nil, 0))
		w.must(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
		b := a.room(64)
		iov := a.put(words(b, 2, b+8, 20))
		return [6]uint64{fd, a.put(header(a.room(128), 128, iov, 2, a.room(100), 100)), 0}
	}, true},
	{"recvmsg cut", unix.SYS_RECVMSG, func(w *world, a *arena) [6]uint64 {
		fd, peer := w.pair(unix.SOCK_DGRAM)
		w.must(unix.Sendmsg(peer, []byte("abcdef"), unix.UnixRights(int(fd), peer), nil, 0))
		iov := a.put(words(a.room(2), 2))
		return [6]uint64{fd, a.put(header(0, 0, iov, 1, a.room(100), 4)), 0}
	}, true},
	{"recvmsg nothing", unix.SYS_RECVMSG, func(w *world, a *arena) [6]uint64 {
		fd, _ := w.pair(unix.SOCK_DGRAM)
		iov := a.put(words(a.room(2), 2))
		return [6]uint64{fd, a.put(header(a.room(128), 128, iov, 1, a.room(100), 100)), unix.MSG_DONTWAIT}
	}, false},
	{"sendmmsg", unix.SYS_SENDMMSG, func(w *world, a *arena) [6]uint64 {
		fd, _ := w.pair(unix.SOCK_DGRAM)
		one, two := a.put(words(a.str("one"), 3)), a.put(words(a.str("three"), 5))
		return [6]uint64{fd, a.put(append(append(header(0, 0, one, 1, 0, 0), words(9)...), append(header(0, 0, two, 1, 0, 0), words(9)...)...)), 2, 0}
	}, true},
	{"recvmmsg", unix.SYS_RECVMMSG, func(w *world, a *arena) [6]uint64 {
		fd, peer := w.pair(unix.SOCK_DGRAM)
		w.send(peer, "one")
		w.send(peer, "three")
		var all []byte
		for range 3 {
			b := a.room(64)
			iov := a.put(words(b, 2, b+8, 20))
			all = append(append(all, header(a.room(128), 128, iov, 2, 0, 0)...), words(0x77)...)
		}
		return [6]uint64{fd, a.put(all), 3, unix.MSG_DONTWAIT, 0}
	}, true},
}
