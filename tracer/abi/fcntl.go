package abi

import "golang.org/x/sys/unix"

// flockSize is the size of struct flock on x86-64.
const flockSize = 32

// fcntlShape is what a command of fcntl points to; nothing if size is 0.
func fcntlShape(cmd uint32) (size uint64, dir Dir, known bool) {
	switch cmd {
	case unix.F_DUPFD, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_SETOWN, unix.F_GETOWN,
		unix.F_SETSIG, unix.F_GETSIG, unix.F_SETLEASE, unix.F_GETLEASE, unix.F_NOTIFY, fDupfdQuery, fCreatedQuery, fCancelLock,
		unix.F_DUPFD_CLOEXEC, unix.F_SETPIPE_SZ, unix.F_GETPIPE_SZ, unix.F_ADD_SEALS, unix.F_GET_SEALS,
		fGetlk64, fSetlk64, fSetlkw64:
		return 0, 0, true
	case unix.F_GETLK, unix.F_OFD_GETLK:
		return flockSize, InOut, true
	case unix.F_SETLK, unix.F_SETLKW, unix.F_OFD_SETLK, unix.F_OFD_SETLKW:
		return flockSize, In, true
	case unix.F_GETOWN_EX, fGetownerUids, unix.F_GET_RW_HINT, unix.F_GET_FILE_RW_HINT:
		return 8, Out, true
	case unix.F_SETOWN_EX, unix.F_SET_RW_HINT, unix.F_SET_FILE_RW_HINT, fSetdeleg:
		return 8, In, true
	case fGetdeleg:
		return 8, InOut, true
	}
	return 0, 0, false
}

// Commands that x/sys has no name for (include/uapi/linux/fcntl.h), and those that
// x86-64 refuses.
const (
	fGetlk64      = 12
	fSetlk64      = 13
	fSetlkw64     = 14
	fGetownerUids = 17
	fDupfdQuery   = 1027
	fCreatedQuery = 1028
	fCancelLock   = 1029
	fGetdeleg     = 1039
	fSetdeleg     = 1040
)

// fcntlArg shapes fcntl's third argument.
func fcntlArg(name string) Arg {
	return special(name, "by command", InOut, 1, func(p *planner, i int) {
		p.fcntl(uint32(p.args[1]), i)
	})
}

func (p *planner) fcntl(cmd uint32, i int) {
	size, dir, known := fcntlShape(cmd)
	if !known {
		p.refuse("unknown command %d", cmd)
		return
	}
	p.fixed(i, size, dir)
}

// fcntlBlocks reports whether a command waits for a lock.
func fcntlBlocks(args *[6]uint64) bool {
	cmd := uint32(args[1])
	return cmd == unix.F_SETLKW || cmd == unix.F_OFD_SETLKW
}
