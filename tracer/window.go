package tracer

import (
	"fmt"

	"umosix/tracer/abi"
)

// The window is the range of a process's address space that is ours. It lies at
// the same addresses at home and at the guest, so that the program can never be
// given memory there on either side.
//
//	+0        code of the resident loop, and of the functions for the wall clock, r-x
//	+1 page   slots, one per task, and the offset of the wall clock, shared with this program
//	+64 KiB   buffers of calls, 64 MiB per slot, shared with this program; the last 64 KiB
//	          of each are for the scripts of its task
//	the last 64 KiB: PROT_NONE, for addresses that must fault
//
// Of the buffers only what is used takes memory.
const (
	slotsStart   = abi.PageSize
	buffersStart = 64 << 10
	BufferBytes  = 64 << 20 // of one slot
	scriptStart  = BufferBytes - 64<<10
	faultBytes   = 64 << 10
	slotBytes    = 128
	MaxSlots     = (buffersStart-slotsStart)/slotBytes - 1
	wallStart    = 2 << 10
	wallOffset   = buffersStart - slotBytes
)

// WindowSize is the size of a window for that many tasks, in bytes.
func WindowSize(slots int) uint64 { return buffersStart + uint64(slots)*BufferBytes + faultBytes }

// SlotsIn is for how many tasks a window of that size is; 0 if it is no window's.
func SlotsIn(size uint64) int {
	slots := int(size / BufferBytes)
	if slots > MaxSlots || WindowSize(slots) != size {
		return 0
	}
	return slots
}

// windowPlaces are tried in turn: addresses that runtimes, sanitizers and the
// kernel leave alone as a rule.
var windowPlaces = []abi.Addr{0x5f0000000000, 0x6f0000000000, 0x4f0000000000, 0x3f0000000000, 0x2f0000000000}

// FindWindow finds a free place for a window in an address space.
func FindWindow(areas []Area, slots int) (abi.Addr, error) {
	size := abi.Addr(WindowSize(slots))
next:
	for _, place := range windowPlaces {
		for _, a := range areas {
			if a.Start < place+size && a.End > place {
				continue next
			}
		}
		return place, nil
	}
	return 0, fmt.Errorf("no free range of %d bytes in the address space", size)
}

// FindSyscallInsn finds a `syscall` instruction in the memory of a process: in
// its vdso, or in any of its code.
func FindSyscallInsn(m *Memory, areas []Area) (abi.Addr, error) {
	for _, wanted := range []func(Area) bool{
		func(a Area) bool { return a.Path == "[vdso]" },
		func(a Area) bool { return a.Executable() && a.Readable() && a.Path != "[vsyscall]" },
	} {
		for _, a := range areas {
			if !wanted(a) {
				continue
			}
			if at, ok := findInsn(m, a); ok {
				return at, nil
			}
		}
	}
	return 0, fmt.Errorf("no system call instruction in process %d", m.pid)
}

func findInsn(m *Memory, a Area) (abi.Addr, bool) {
	const piece = 64 << 10
	buf := make([]byte, piece)
	for at := a.Start; at < a.End; at += piece - 1 {
		n, _ := m.ForceRead(buf[:min(piece, uint64(a.End-at))], at)
		for i := 0; i+1 < n; i++ {
			if buf[i] == 0x0f && buf[i+1] == 0x05 {
				return at + abi.Addr(i), true
			}
		}
	}
	return 0, false
}
