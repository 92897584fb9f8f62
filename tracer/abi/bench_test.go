package abi

import (
	"testing"

	"golang.org/x/sys/unix"
)

// flat is one mapping.
type flat struct{ bytes []byte }

func (f flat) ReadAt(p []byte, at Addr) (int, error) { return copy(p, f.bytes[at%PageSize:]), nil }

func (f flat) Accessible(at Addr, n uint64, write bool) uint64 { return n }

func benchmarkPlan(b *testing.B, nr uint64, args [6]uint64) {
	var c Call
	m := flat{make([]byte, 2*PageSize)}
	copy(m.bytes, "/usr/lib/x86_64-linux-gnu/libc.so.6")
	var outs []uint32
	b.ReportAllocs()
	for b.Loop() {
		PlanInto(&c, nr, args, m)
		outs = c.AppendOuts(outs[:0], 4096, nil)
	}
}

func BenchmarkPlanRead(b *testing.B)    { benchmarkPlan(b, unix.SYS_READ, [6]uint64{3, 4096, 4096}) }
func BenchmarkPlanGetppid(b *testing.B) { benchmarkPlan(b, unix.SYS_GETPPID, [6]uint64{}) }
func BenchmarkPlanFstat(b *testing.B)   { benchmarkPlan(b, unix.SYS_FSTAT, [6]uint64{3, 4096}) }
func BenchmarkPlanOpen(b *testing.B)    { benchmarkPlan(b, unix.SYS_OPENAT, [6]uint64{3, 4096}) }
func BenchmarkPlanIoctl(b *testing.B) {
	benchmarkPlan(b, unix.SYS_IOCTL, [6]uint64{3, unix.TCGETS, 4096})
}
