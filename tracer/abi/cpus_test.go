package abi

import (
	"slices"
	"testing"
)

func cpus(numbers ...int) (s CPUSet) {
	for _, n := range numbers {
		s.add(n)
	}
	return s
}

// TestCPUSetOn gives each processor that a program has chosen one of another machine.
func TestCPUSetOn(t *testing.T) {
	for _, c := range []struct{ chosen, here, want CPUSet }{
		{cpus(1), cpus(0, 1), cpus(1)},
		{cpus(0, 3), cpus(0, 1, 2, 3, 4), cpus(0, 3)},
		{cpus(5), cpus(0, 1), cpus(1)},
		{cpus(2, 3), cpus(0, 1), cpus(0, 1)},
		{cpus(0, 2), cpus(0, 1), cpus(0)},
		{cpus(0), cpus(7), cpus(7)},
		{cpus(100, 200), cpus(64, 100), cpus(64, 100)},
	} {
		if got := c.chosen.On(c.here); !slices.Equal(got, c.want) {
			t.Errorf("%v on %v is %v, not %v", c.chosen.numbers(), c.here.numbers(), got.numbers(), c.want.numbers())
		}
	}
}

func TestCPUSetBytes(t *testing.T) {
	s := CPUSetFrom([]byte{0x81, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0})
	if want := cpus(0, 7, 65); !slices.Equal(s, want) {
		t.Fatalf("%v, not %v", s.numbers(), want.numbers())
	}
	if again := CPUSetFrom(s.Bytes()); !slices.Equal(again, s) {
		t.Errorf("%v comes back as %v", s.numbers(), again.numbers())
	}
	if !cpus(7).Within(s) || s.Within(cpus(7)) || !CPUSet(nil).Empty() || s.Empty() {
		t.Error("sets compare wrong")
	}
}
