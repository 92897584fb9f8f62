package abi

import (
	"os"

	"golang.org/x/sys/unix"
)

var fileScenes = []scene{
	{"read", unix.SYS_READ, func(w *world, a *arena) [6]uint64 { return [6]uint64{w.file(), a.room(100), 100} }, true},
	{"read short", unix.SYS_READ, func(w *world, a *arena) [6]uint64 { return [6]uint64{w.file(), a.room(5), 5} }, true},
	{"read at the end of memory", unix.SYS_READ, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.file(), uint64(a.end()) - 4, 100}
	}, true},
	{"read pipe at the end of memory", unix.SYS_READ, func(w *world, a *arena) [6]uint64 {
		r, _ := w.pipe("some bytes")
		return [6]uint64{r, uint64(a.end()) - 4, 100}
	}, false},
	{"read nowhere", unix.SYS_READ, func(w *world, a *arena) [6]uint64 { return [6]uint64{w.file(), uint64(a.end()), 10} }, false},
	{"read null", unix.SYS_READ, func(w *world, a *arena) [6]uint64 { return [6]uint64{w.file(), 0, 10} }, false},
	{"read no descriptor", unix.SYS_READ, func(w *world, a *arena) [6]uint64 { return [6]uint64{9999, a.room(9), 9} }, false},
	{"write", unix.SYS_WRITE, func(w *world, a *arena) [6]uint64 { return [6]uint64{w.file(), a.str("abc"), 3} }, true},
	{"write at the end of memory", unix.SYS_WRITE, func(w *world, a *arena) [6]uint64 {
		_, p := w.pipe("")
		return [6]uint64{p, uint64(a.end()) - 4, 100}
	}, false},
	{"pread", unix.SYS_PREAD64, func(w *world, a *arena) [6]uint64 { return [6]uint64{w.file(), a.room(4), 4, 7} }, true},
	{"readv", unix.SYS_READV, func(w *world, a *arena) [6]uint64 {
		b := a.room(64)
		return [6]uint64{w.file(), a.put(words(b, 3, b+20, 0, 0, 0, b+8, 40)), 4}
	}, true},
	{"readv into a hole", unix.SYS_READV, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.file(), a.put(words(a.room(64), 3, uint64(a.end())-2, 40)), 2}
	}, true},
	{"readv negative", unix.SYS_READV, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.file(), a.put(words(a.room(64), 3, a.room(8), 1<<63)), 2}
	}, false},
	{"readv bad vector", unix.SYS_READV, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.file(), uint64(a.end()) - 16, 2}
	}, false},
	{"writev", unix.SYS_WRITEV, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.file(), a.put(words(a.str("abc"), 3, a.str("defg"), 4)), 2}
	}, true},
	{"preadv2", unix.SYS_PREADV2, func(w *world, a *arena) [6]uint64 {
		b := a.room(64)
		return [6]uint64{w.file(), a.put(words(b, 3, b+8, 40)), 2, 1, 0, 0}
	}, true},
	{"fcntl F_GETLK", unix.SYS_FCNTL, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.file(), unix.F_GETLK, a.put(words(1, 0, 0, 77))}
	}, true},
	{"pipe2", unix.SYS_PIPE2, func(w *world, a *arena) [6]uint64 { return [6]uint64{w.newPair(a), unix.O_CLOEXEC} }, true},
	{"sendfile", unix.SYS_SENDFILE, func(w *world, a *arena) [6]uint64 {
		_, p := w.pipe("")
		return [6]uint64{p, w.file(), a.put(words(2)), 5}
	}, true},
	{"splice", unix.SYS_SPLICE, func(w *world, a *arena) [6]uint64 {
		_, p := w.pipe("")
		return [6]uint64{w.file(), a.put(words(2)), p, 0, 5, 0}
	}, true},
	{"FIONREAD", unix.SYS_IOCTL, func(w *world, a *arena) [6]uint64 {
		r, _ := w.pipe("1234")
		return [6]uint64{r, 0x541b, a.room(4)}
	}, true},
	{"TIOCGWINSZ", unix.SYS_IOCTL, func(w *world, a *arena) [6]uint64 { return [6]uint64{w.tty(), unix.TIOCGWINSZ, a.room(8)} }, true},
	{"TCGETS", unix.SYS_IOCTL, func(w *world, a *arena) [6]uint64 { return [6]uint64{w.tty(), unix.TCGETS, a.room(64)} }, true},
	{"TCGETS no terminal", unix.SYS_IOCTL, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{w.file(), unix.TCGETS, a.str("is left alone")}
	}, false},
	{"FIONBIO", unix.SYS_IOCTL, func(w *world, a *arena) [6]uint64 { return [6]uint64{w.tty(), 0x5421, a.put(words(1))} }, true},
}

var nameScenes = []scene{
	{"fstat", unix.SYS_FSTAT, func(w *world, a *arena) [6]uint64 { w.file(); return [6]uint64{dirFd(w), a.room(144)} }, true},
	{"stat bad buffer", unix.SYS_STAT, func(w *world, a *arena) [6]uint64 { return [6]uint64{a.str("/"), uint64(a.end()) - 8} }, false},
	{"statx", unix.SYS_STATX, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{^uint64(99), a.str("/"), 0, 0x7ff, a.room(256)}
	}, true},
	{"open cut", unix.SYS_OPENAT, func(w *world, a *arena) [6]uint64 {
		copy(a.bytes[len(a.bytes)-4:], "/usr")
		return [6]uint64{^uint64(99), uint64(a.end()) - 4}
	}, false},
	{"open too long", unix.SYS_OPENAT, func(w *world, a *arena) [6]uint64 {
		long := make([]byte, 6000)
		for i := range long {
			long[i] = 'x'
		}
		return [6]uint64{^uint64(99), a.put(long)}
	}, false},
	{"getcwd", unix.SYS_GETCWD, func(w *world, a *arena) [6]uint64 { return [6]uint64{a.room(500), 500} }, true},
	{"getcwd too small", unix.SYS_GETCWD, func(w *world, a *arena) [6]uint64 { return [6]uint64{a.room(2), 2} }, false},
	{"readlink", unix.SYS_READLINK, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{a.str("/proc/self/exe"), a.room(300), 300}
	}, true},
	{"readlink cut", unix.SYS_READLINK, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{a.str("/proc/self/exe"), a.room(3), 3}
	}, true},
	{"getdents64", unix.SYS_GETDENTS64, func(w *world, a *arena) [6]uint64 { w.file(); return [6]uint64{dirFd(w), a.room(4096), 4096} }, true},
	{"getxattr", unix.SYS_GETXATTR, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{a.str("/"), a.str("user.none"), a.room(10), 10}
	}, false},
	{"statfs", unix.SYS_STATFS, func(w *world, a *arena) [6]uint64 { return [6]uint64{a.str("/proc"), a.room(120)} }, true},
	{"name_to_handle_at too small", unix.SYS_NAME_TO_HANDLE_AT, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{^uint64(99), a.str(w.dir), a.put(words(0)), a.room(8), 0}
	}, false},
	{"openat2", unix.SYS_OPENAT2, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{^uint64(99), a.str("/none"), a.put(words(0, 0, 0)), 24}
	}, false},
}

// dirFd is a descriptor of the scene's directory.
func dirFd(w *world) uint64 {
	fd, err := unix.Open(w.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	w.must(err)
	w.keep(fd)
	return uint64(fd)
}

var waitScenes = []scene{
	{"poll", unix.SYS_POLL, func(w *world, a *arena) [6]uint64 {
		r, p := w.pipe("x")
		return [6]uint64{a.put(words(r|1<<32, p|4<<32, 9999|1<<32)), 3, 0}
	}, true},
	{"poll nowhere", unix.SYS_POLL, func(w *world, a *arena) [6]uint64 { return [6]uint64{uint64(a.end()) - 8, 2, 0} }, false},
	{"ppoll", unix.SYS_PPOLL, func(w *world, a *arena) [6]uint64 {
		r, _ := w.pipe("")
		return [6]uint64{a.put(words(r | 1<<32)), 1, a.put(words(0, 0)), a.put(words(0)), 8}
	}, true},
	{"select", unix.SYS_SELECT, func(w *world, a *arena) [6]uint64 {
		r, p := w.pipe("x")
		return [6]uint64{64, a.put(words(1 << r)), a.put(words(1 << p)), 0, a.put(words(0, 0))}
	}, true},
	{"pselect6", unix.SYS_PSELECT6, func(w *world, a *arena) [6]uint64 {
		r, _ := w.pipe("")
		return [6]uint64{64, a.put(words(1 << r)), 0, 0, a.put(words(0, 0)), a.put(words(a.put(words(0)), 8))}
	}, true},
	{"epoll_wait", unix.SYS_EPOLL_WAIT, epollScene, true},
	{"epoll_pwait2", unix.SYS_EPOLL_PWAIT2, func(w *world, a *arena) [6]uint64 {
		args := epollScene(w, a)
		args[3] = a.put(words(0, 0))
		return args
	}, true},
	{"wait4 none", unix.SYS_WAIT4, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{uint64(os.Getpid()), a.put(words(7)), unix.WNOHANG, a.room(144)}
	}, false},
	{"timerfd_settime", unix.SYS_TIMERFD_SETTIME, func(w *world, a *arena) [6]uint64 {
		fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
		w.must(err)
		w.keep(fd)
		return [6]uint64{uint64(fd), 0, a.put(words(0, 0, 9, 0)), a.room(32)}
	}, true},
	{"rt_sigpending", unix.SYS_RT_SIGPENDING, func(w *world, a *arena) [6]uint64 { return [6]uint64{a.room(8), 8} }, true},
}

// epollScene waits for three pipes of which two are ready.
func epollScene(w *world, a *arena) [6]uint64 {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	w.must(err)
	w.keep(ep)
	for i, content := range []string{"x", "", "y"} {
		r, _ := w.pipe(content)
		w.must(unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, int(r), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}))
	}
	return [6]uint64{uint64(ep), a.room(120), 10, 0}
}

var otherScenes = []scene{
	{"uname", unix.SYS_UNAME, func(w *world, a *arena) [6]uint64 { return [6]uint64{a.room(390)} }, true},
	{"getresuid", unix.SYS_GETRESUID, func(w *world, a *arena) [6]uint64 { return [6]uint64{a.room(4), a.room(4), a.room(4)} }, true},
	{"getgroups", unix.SYS_GETGROUPS, func(w *world, a *arena) [6]uint64 { return [6]uint64{64, a.room(256)} }, true},
	{"capget", unix.SYS_CAPGET, func(w *world, a *arena) [6]uint64 { return [6]uint64{a.put(words(capVersion3)), a.room(24)} }, true},
	{"capget version", unix.SYS_CAPGET, func(w *world, a *arena) [6]uint64 { return [6]uint64{a.put(words(1)), a.room(24)} }, false},
	{"PR_GET_PDEATHSIG", unix.SYS_PRCTL, func(w *world, a *arena) [6]uint64 { return [6]uint64{unix.PR_GET_PDEATHSIG, a.room(16)} }, true},
	{"PR_GET_AUXV", unix.SYS_PRCTL, func(w *world, a *arena) [6]uint64 { return [6]uint64{prGetAuxv, a.room(64), 64} }, true},
	{"prlimit64", unix.SYS_PRLIMIT64, func(w *world, a *arena) [6]uint64 { return [6]uint64{0, unix.RLIMIT_CORE, 0, a.room(16)} }, true},
	{"sched_getattr", unix.SYS_SCHED_GETATTR, func(w *world, a *arena) [6]uint64 { return [6]uint64{0, a.room(56), 56, 0} }, true},
	{"sched_getaffinity", unix.SYS_SCHED_GETAFFINITY, func(w *world, a *arena) [6]uint64 { return [6]uint64{0, 128, a.room(128)} }, true},
	{"mq_notify none", unix.SYS_MQ_NOTIFY, func(w *world, a *arena) [6]uint64 {
		return [6]uint64{9999, a.put(words(a.room(32), uint64(sigevThread)<<32, 0, 0, 0, 0, 0, 0))}
	}, false},
}
