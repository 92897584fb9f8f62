package remote

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// Where home has another wall clock than this node, the program's vdso adds the
// difference (tracer/snapshot); what it asks the kernel itself is trapped and served here.

// tellTime answers a call that asks for the time of day.
func (t *task) tellTime(nr uint64, args [6]uint64) {
	clock := uint64(unix.CLOCK_REALTIME)
	if nr == unix.SYS_CLOCK_GETTIME {
		clock = args[0]
	}
	if !t.g.x.ahead.otherWall || !abi.IsWallClock(clock) {
		t.makeIt()
		return
	}
	now, ret := localClock(int32(clock))+t.g.x.ahead.wall, int64(0)
	tell := func(at uint64, data []byte) {
		if _, err := t.g.mem.WriteAt(data, abi.Addr(at)); err != nil {
			ret = -int64(unix.EFAULT)
		}
	}
	words := abi.TimespecOf(now)
	switch nr {
	case unix.SYS_CLOCK_GETTIME:
		tell(args[1], words[:])
	case unix.SYS_GETTIMEOFDAY:
		binary.LittleEndian.PutUint64(words[8:], uint64(now%1e9/1e3))
		if args[0] != 0 {
			tell(args[0], words[:])
		}
		if args[1] != 0 && ret == 0 { // the kernel's time zone, which nobody sets
			tell(args[1], make([]byte, 8))
		}
	case unix.SYS_TIME:
		if args[0] != 0 {
			tell(args[0], words[:8])
		}
		if ret == 0 {
			ret = now / 1e9
		}
	}
	t.finish(ret)
}

// waitUntil has the guest make a call that waits until a moment of the wall clock: until
// the same moment of this node's.
func (t *task) waitUntil(row *abi.Row, nr uint64, args [6]uint64) {
	arg := row.Timeout.Arg
	until, ok := t.wallMoment(nr, args, args[arg])
	if !ok {
		t.makeIt()
		return
	}
	buffers, at := t.slot.Buffers()
	words := abi.TimespecOf(max(until-t.g.x.ahead.wall, 0))
	copy(buffers[untilOffset:], words[:])
	r, own := t.regs, args
	args[arg] = uint64(at) + untilOffset
	r.SetArgs(args)
	if t.k.SetRegs(r) != nil || t.k.Syscall(0) != nil {
		return // it is gone; its end is told by its stop
	}
	t.own, t.trapped = &own, false
}

// wallMoment is the moment of the wall clock that a call waits for, if it does so.
func (t *task) wallMoment(nr uint64, args [6]uint64, limit uint64) (int64, bool) {
	byWall := false
	switch nr {
	case unix.SYS_FUTEX:
		byWall = abi.FutexByWallClock(args[1])
	case unix.SYS_FUTEX_WAITV:
		byWall = args[4] == unix.CLOCK_REALTIME
	case unix.SYS_FUTEX_WAIT:
		byWall = args[5] == unix.CLOCK_REALTIME
	}
	if !t.g.x.ahead.otherWall || !byWall || limit == 0 {
		return 0, false
	}
	var words [16]byte
	if n, err := t.g.mem.ReadAt(words[:], abi.Addr(limit)); err != nil || n < len(words) {
		return 0, false
	}
	sec, nsec := int64(binary.LittleEndian.Uint64(words[:])), int64(binary.LittleEndian.Uint64(words[8:]))
	if sec < 0 || sec > 1<<33 || nsec < 0 || nsec >= 1e9 {
		return 0, false // the kernel refuses it, or it is for ever
	}
	return sec*1e9 + nsec, true
}

// returnArgs puts back the arguments of a call that waitUntil has changed. The kernel
// comes to this stop before it looks at signals and makes the call again.
func (t *task) returnArgs() {
	own := *t.own
	t.own = nil
	r, err := t.k.Regs()
	if err != nil {
		return
	}
	r.SetArgs(own)
	if r.Result() == restartBlock { // the kernel would go on until the moment that it was given
		r.SetResult(restartNoHand)
	}
	_ = t.k.SetRegs(r) // if it is gone, its end is told by its stop
}
