package abi

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestWaitCode(t *testing.T) {
	for _, c := range []struct {
		nr   uint64
		args [6]uint64
		code int64
	}{
		{unix.SYS_FUTEX, [6]uint64{0, 0, 0, 0}, RestartSys},
		{unix.SYS_FUTEX, [6]uint64{0, 9, 0, 4096}, RestartHand}, // until a moment
		{unix.SYS_FUTEX, [6]uint64{0, 0, 0, 4096}, 0},           // for a while
		{unix.SYS_FUTEX, [6]uint64{0, 128 | 1, 7, 0}, 0},        // FUTEX_WAKE
		{unix.SYS_FUTEX, [6]uint64{0, 6, 0, 0}, 0},              // FUTEX_LOCK_PI
		{unix.SYS_PAUSE, [6]uint64{}, RestartHand},
		{unix.SYS_RT_SIGSUSPEND, [6]uint64{}, RestartHand},
		{unix.SYS_PPOLL, [6]uint64{}, RestartHand},
		{unix.SYS_POLL, [6]uint64{0, 0, 10}, 0},
		{unix.SYS_READ, [6]uint64{}, 0},
		{unix.SYS_GETPID, [6]uint64{}, 0},
		{5000, [6]uint64{}, 0},
	} {
		if code, ok := WaitCode(c.nr, &c.args); code != c.code || ok != (c.code != 0) {
			t.Errorf("call %d: %d, %v instead of %d", c.nr, code, ok, c.code)
		}
	}
}
