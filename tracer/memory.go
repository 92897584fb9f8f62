package tracer

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// Memory is the memory of another process. It may be used from any goroutine
// while that process exists.
type Memory struct {
	pid abi.LocalPid
	mem *os.File     // opened once: stays usable when the process becomes undumpable; ends with its exec
	tid atomic.Int32 // a task that has the memory; not the first one once that has ended
}

// OpenMemory opens the memory of a process that the caller may trace.
func OpenMemory(pid abi.LocalPid) (*Memory, error) {
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("memory of %d: %w", pid, err)
	}
	m := &Memory{pid: pid, mem: f}
	m.tid.Store(int32(pid))
	return m, nil
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
		n, err := call(int(m.tid.Load()), local, remote, 0)
		if n > 0 {
			done += n
		}
		if err == unix.ESRCH && m.findTask() {
			continue
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

// findTask finds another task that has the memory, when the one that was asked by has ended.
// It reports false if there is none.
func (m *Memory) findTask() bool {
	tid, ok := TaskWithMemory(m.pid)
	return ok && m.tid.Swap(int32(tid)) != int32(tid)
}

// TaskWithMemory finds a task of the process that has not given the memory back yet, the
// first thing that an end does (kernel/exit.c, do_exit). There is none in a process that
// has ended, or whose tasks are all about to.
func TaskWithMemory(pid abi.LocalPid) (tid abi.LocalPid, ok bool) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0, false
	}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if areas, err := ReadAreasQuick(abi.LocalPid(n)); err == nil && len(areas) > 0 {
			return abi.LocalPid(n), true
		}
	}
	return 0, false
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
	areas, err := ReadAreasQuick(abi.LocalPid(m.tid.Load()))
	if err == nil && len(areas) == 0 && m.findTask() {
		areas, err = ReadAreasQuick(abi.LocalPid(m.tid.Load()))
	}
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
