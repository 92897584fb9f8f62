package remote

import (
	"umosix/tracer"
	"umosix/tracer/abi"
)

// memory is a guest's memory with a view of its mappings that is read again only
// when it may have changed to the worse: everything that takes memory or rights
// away is trapped, and calls forget.
type memory struct {
	*tracer.Memory
	pid   abi.LocalPid
	areas []tracer.Area
}

func openMemory(pid abi.LocalPid) (*memory, error) {
	m, err := tracer.OpenMemory(pid)
	if err != nil {
		return nil, err
	}
	return &memory{Memory: m, pid: pid}, nil
}

// forget makes the next question about access read the mappings again.
func (m *memory) forget() { m.areas = nil }

// Accessible implements abi.Memory.
func (m *memory) Accessible(addr abi.Addr, n uint64, write bool) uint64 {
	if uint64(addr)+n < uint64(addr) || addr >= abi.TaskSize {
		return 0
	}
	if got := tracer.AccessibleIn(m.areas, addr, n, write); got == n {
		return n
	}
	areas, err := tracer.ReadAreasQuick(m.pid)
	if err != nil {
		return 0
	}
	m.areas = areas
	return tracer.AccessibleIn(m.areas, addr, n, write)
}
