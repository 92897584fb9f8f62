package tracer

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// Memory is the memory of another process. It may be used from any goroutine
// while that process exists.
type Memory struct {
	pid abi.LocalPid
	mem *os.File // opened once: stays usable when the process becomes undumpable; ends with its exec
}

// OpenMemory opens the memory of a process that the caller may trace.
func OpenMemory(pid abi.LocalPid) (*Memory, error) {
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("memory of %d: %w", pid, err)
	}
	return &Memory{pid: pid, mem: f}, nil
}

// Close releases the memory.
func (m *Memory) Close() error { return m.mem.Close() }

// Pid is the process.
func (m *Memory) Pid() abi.LocalPid { return m.pid }

// ReadAt reads what the process itself could read (process_vm_readv). A short
// count comes with an error: the byte after it cannot be read.
func (m *Memory) ReadAt(p []byte, addr abi.Addr) (int, error) {
	return m.transfer(p, addr, unix.ProcessVMReadv)
}

// WriteAt writes what the process itself could write (process_vm_writev).
func (m *Memory) WriteAt(p []byte, addr abi.Addr) (int, error) {
	return m.transfer(p, addr, unix.ProcessVMWritev)
}

type vmCall func(pid int, local []unix.Iovec, remote []unix.RemoteIovec, flags uint) (int, error)

func (m *Memory) transfer(p []byte, addr abi.Addr, call vmCall) (int, error) {
	done := 0
	for done < len(p) {
		local := []unix.Iovec{{Base: &p[done], Len: uint64(len(p) - done)}}
		remote := []unix.RemoteIovec{{Base: uintptr(addr) + uintptr(done), Len: len(p) - done}}
		n, err := call(int(m.pid), local, remote, 0)
		if n > 0 {
			done += n
		}
		if err != nil {
			return done, fmt.Errorf("memory of %d at %#x: %w", m.pid, uint64(addr)+uint64(done), err)
		}
		if n == 0 {
			return done, fmt.Errorf("memory of %d at %#x: %w", m.pid, uint64(addr)+uint64(done), io.ErrUnexpectedEOF)
		}
	}
	return done, nil
}

// ForceRead reads also what the process has made unreadable to itself.
func (m *Memory) ForceRead(p []byte, addr abi.Addr) (int, error) {
	n, err := m.mem.ReadAt(p, int64(addr))
	if err != nil {
		return n, fmt.Errorf("memory of %d at %#x: %w", m.pid, uint64(addr)+uint64(n), err)
	}
	return n, nil
}

// ForceWrite writes also where the process has no right to (FOLL_FORCE): code,
// or pages that are read-only by now. In a private file mapping it makes a copy.
func (m *Memory) ForceWrite(p []byte, addr abi.Addr) (int, error) {
	n, err := m.mem.WriteAt(p, int64(addr))
	if err != nil {
		return n, fmt.Errorf("memory of %d at %#x: %w", m.pid, uint64(addr)+uint64(n), err)
	}
	return n, nil
}

// Accessible tells how many of the n bytes at addr the process itself could read,
// or read and write.
func (m *Memory) Accessible(addr abi.Addr, n uint64, write bool) uint64 {
	if uint64(addr)+n < uint64(addr) || addr >= abi.TaskSize {
		return 0
	}
	areas, err := ReadAreasQuick(m.pid)
	if err != nil {
		return 0
	}
	return AccessibleIn(areas, addr, n, write)
}

// AccessibleIn is Accessible for mappings that have been read already.
func AccessibleIn(areas []Area, addr abi.Addr, n uint64, write bool) uint64 {
	first, _ := slices.BinarySearchFunc(areas, addr, func(a Area, at abi.Addr) int { return cmp.Compare(a.End, at+1) })
	at := addr
	for _, a := range areas[first:] {
		if a.Start > at || !a.Readable() || write && !a.Writable() {
			break
		}
		at = a.End
		if uint64(at-addr) >= n {
			return n
		}
	}
	return min(uint64(at-addr), n)
}
