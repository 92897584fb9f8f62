package tracer

import (
	"encoding/binary"
	"math"
	"testing"

	"umosix/tracer/abi"
)

// TestJoinTimer adds signals to lists: those of one timer become one, which never counts
// more than an int does.
func TestJoinTimer(t *testing.T) {
	signal := func(code, timer, overrun int32) (s Siginfo) {
		binary.LittleEndian.PutUint32(s[:], 34)
		binary.LittleEndian.PutUint32(s[8:], uint32(code))
		binary.LittleEndian.PutUint32(s[16:], uint32(timer))
		binary.LittleEndian.PutUint32(s[20:], uint32(overrun))
		return s
	}
	for _, c := range []struct {
		pending, comes Siginfo
		joins          bool
		overrun        int32
	}{
		{signal(abi.SiTimer, 3, 0), signal(abi.SiTimer, 3, 0), true, 1},
		{signal(abi.SiTimer, 3, 4), signal(abi.SiTimer, 3, 5), true, 10},
		{signal(abi.SiTimer, 3, math.MaxInt32-1), signal(abi.SiTimer, 3, 7), true, math.MaxInt32},
		{signal(abi.SiTimer, 3, 4), signal(abi.SiTimer, 2, 5), false, 4},
		{signal(abi.SiQueue, 3, 4), signal(abi.SiTimer, 3, 5), false, 4},
		{signal(abi.SiTimer, 3, 4), signal(abi.SiQueue, 3, 5), false, 4},
	} {
		list := []Siginfo{c.pending}
		if joins := JoinTimer(list, &c.comes); joins != c.joins || list[0].Overrun() != c.overrun {
			t.Errorf("code %d, timer and overrun %v to %v: %v, overrun %d", c.comes.Code(), c.comes[16:24], c.pending[16:24], joins, list[0].Overrun())
		}
	}
}
