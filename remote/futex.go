package remote

import (
	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// noteFutex notes when the limit of a futex wait is over that the guest is about
// to make: it outlives a move.
func (g *guest) noteFutex(row *abi.Row, args [6]uint64) {
	g.until = 0
	if limit, ok := row.Timeout.Read(&args, g.mem); ok {
		g.until = g.x.ahead.monotonic + localClocks().Monotonic + int64(limit)
	}
}

// waitOn goes on with a futex wait that the process was in when it moved. The wait
// is made once, interrupted, by the moment of its end; what the kernel has noted
// then is what it goes on with when the guest runs.
func (g *guest) waitOn(w image.PendingCall) {
	g.until = w.Until
	if err := g.prime(w); err != nil {
		g.fail("futex wait not resumed", err)
		return
	}
	g.cont(0)
}

func (g *guest) prime(w image.PendingCall) error {
	buffers, at := g.loop.Buffers()
	words := abi.TimespecOf(w.Until)
	copy(buffers[timeOffset+64:], words[:])
	in, err := g.task.Injector(g.loop.Insn())
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
