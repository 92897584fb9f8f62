package tracer

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// SeedInsn is the address of a `syscall` instruction in a process made by
// StartSeed. The address is one that no ordinary program is linked at.
const SeedInsn abi.Addr = seedBase + elfHeaders + 7

const (
	seedBase   abi.Addr = 0x1ff000000000
	elfHeaders          = 64 + 56
)

// seedCode waits in pause for ever:  again: mov $34,%eax (pause) ; nop ; nop ; syscall ; jmp again
var seedCode = []byte{0xb8, 34, 0, 0, 0, 0x90, 0x90, 0x0f, 0x05, 0xeb, 0xf5}

// seedELF is a static executable without libc: one read-only, executable page.
// A program of a few bytes starts in 0.2 ms, has one thread, no heap and no
// restartable sequences, and can do what a Go program cannot (unshare time).
func seedELF() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, abi.PageSize)
	b = append(b, 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = le.AppendUint16(b, 2)  // ET_EXEC
	b = le.AppendUint16(b, 62) // EM_X86_64
	b = le.AppendUint32(b, 1)
	b = le.AppendUint64(b, uint64(seedBase)+elfHeaders) // entry
	b = le.AppendUint64(b, 64)                          // program headers
	b = le.AppendUint64(b, 0)
	b = le.AppendUint32(b, 0)
	for _, half := range []uint16{64, 56, 1, 64, 0, 0} {
		b = le.AppendUint16(b, half)
	}
	b = le.AppendUint32(b, 1) // PT_LOAD
	b = le.AppendUint32(b, 5) // R+X
	for _, word := range []uint64{0, uint64(seedBase), uint64(seedBase), uint64(elfHeaders + len(seedCode)), uint64(elfHeaders + len(seedCode)), abi.PageSize} {
		b = le.AppendUint64(b, word)
	}
	return append(b, seedCode...)
}

// StartSeed starts a process that waits for ever, under the given name, as a
// child of the calling thread. The caller locks that thread, and reaps.
func StartSeed(name string, attr *syscall.SysProcAttr) (abi.LocalPid, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, seedELF()); err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd)
	pid, err := syscall.ForkExec(path, []string{name}, &syscall.ProcAttr{Sys: attr})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	return abi.LocalPid(pid), nil
}
