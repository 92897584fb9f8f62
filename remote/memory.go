package remote

import (
	"slices"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// memory is a guest's memory with a view of its mappings that is read again only
// when it may have changed to the worse: everything that takes memory or rights
// away is trapped, and calls forget.
type memory struct {
	*tracer.Memory
	pid   abi.LocalPid
	files *files
	areas []tracer.Area
	reach []tracer.Area // the same as far as the mapped files reach
}

func (g *guest) openMemory() error {
	pid := g.leader().k.Tid
	m, err := tracer.OpenMemory(pid)
	if err != nil {
		return err
	}
	g.mem = &memory{Memory: m, pid: pid, files: g.files}
	return nil
}

// forget makes the next question about access read the mappings again.
func (m *memory) forget() { m.areas, m.reach = nil, nil }

// Accessible implements abi.Memory.
func (m *memory) Accessible(addr abi.Addr, n uint64, write bool) uint64 {
	if uint64(addr)+n < uint64(addr) || addr >= abi.TaskSize {
		return 0
	}
	if got := tracer.AccessibleIn(m.reach, addr, n, write); got == n {
		return n
	}
	if m.look() != nil {
		return 0
	}
	return tracer.AccessibleIn(m.reach, addr, n, write)
}

// look reads the mappings. Pages behind the end of a file raise SIGBUS, and EFAULT in a call.
func (m *memory) look() (err error) {
	if m.areas, err = tracer.ReadAreasQuick(m.pid); err != nil {
		return err
	}
	m.reach = slices.Clone(m.areas)
	for i := range m.reach {
		a := &m.reach[i]
		f, known := m.files.fileOf(*a)
		if !known {
			continue
		}
		pages := (uint64(f.Size) + abi.PageSize - 1) / abi.PageSize
		length := pages*abi.PageSize - min(a.Offset, pages*abi.PageSize)
		a.End = min(a.End, a.Start+abi.Addr(length))
	}
	return nil
}
