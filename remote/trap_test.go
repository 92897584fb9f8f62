package remote

import (
	"testing"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// A task that is stopped just before a call has to make it; a wait, which may have begun
// before, ends by a signal.
func TestHoldAt(t *testing.T) {
	const after = 0x1002 // the `syscall` instruction
	for _, c := range []struct {
		name string
		nr   uint64
		args [6]uint64
		want tracer.Regs
	}{
		{"read", unix.SYS_READ, [6]uint64{}, standing(after-2, unix.SYS_READ, -1)},
		{"futex wait until a moment", unix.SYS_FUTEX, [6]uint64{0, 9, 0, 4096}, standing(after, abi.RestartHand, unix.SYS_FUTEX)},
		{"futex wait", unix.SYS_FUTEX, [6]uint64{}, standing(after, abi.RestartSys, unix.SYS_FUTEX)},
		{"futex wake", unix.SYS_FUTEX, [6]uint64{0, 1, 9}, standing(after-2, unix.SYS_FUTEX, -1)},
	} {
		r := standing(after, -int64(unix.ENOSYS), int64(c.nr))
		r.SetArgs(c.args)
		c.want.SetArgs(c.args)
		if holdAt(&r, c.nr); r != c.want {
			t.Errorf("%s: %+v instead of %+v", c.name, r, c.want)
		}
	}
}

func standing(pc uint64, result, nr int64) (r tracer.Regs) {
	r.Rip, r.OrigRax = pc, uint64(nr)
	r.SetResult(result)
	return r
}
