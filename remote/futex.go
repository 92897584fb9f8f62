package remote

import (
	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// noteFutex notes when the limit of a futex wait is over that the guest is about
// to make: it outlives a move.
func (t *task) noteFutex(row *abi.Row, args [6]uint64) {
	t.until = 0
	if limit, ok := row.Timeout.Read(&args, t.g.mem); ok {
		t.until = t.g.x.ahead.monotonic + localClocks().Monotonic + int64(limit)
	}
}

// waitOn goes on with a futex wait that the process was in when it moved. The wait
// is made once, interrupted, by the moment of its end; what the kernel has noted
// then is what it goes on with when the guest runs.
func (t *task) waitOn(w image.PendingCall) {
	t.until = w.Until
	if err := t.prime(w); err != nil {
		t.g.fail("futex wait not resumed", err)
		return
	}
	t.cont(0)
}

func (t *task) prime(w image.PendingCall) error {
	buffers, at := t.slot.Buffers()
	words := abi.TimespecOf(w.Until)
	copy(buffers[timeOffset+64:], words[:])
	in, err := t.k.Injector(t.g.loop.Insn())
	if err != nil {
		return err
	}
	ret, err := in.Prime(unix.SYS_FUTEX, abi.FutexUntil(w.Args, at+timeOffset+64))
	if err != nil {
		return err
	}
	if ret == restartBlock {
		in.Regs().OrigRax = unix.SYS_FUTEX
		in.Regs().SetResult(ret)
	} else {
		in.Regs().Skip(ret)
	}
	return in.End()
}
