package tracer

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// SeedInsn is the address of a `syscall` instruction in a process that StartSeed
// has made, and in its children.
const SeedInsn = seedStart + seedInsn

// The page of a seed lies above the highest address of position-independent
// programs (0x5655... and their heap) and below the lowest of mmap (0x6fff... with
// 32 bits of randomness), where neither loaders nor allocators place anything.
const seedStart abi.Addr = 0x5ff3c5e10000

// Offsets in that page: of the first instruction, and of the `syscall` instruction
// for injected calls.
const (
	seedCode = 0x100
	seedInsn = 0x180
)

// seedELF is a seed as an executable file: ELF header, two program headers (the
// page, and a stack that is not executable), code. A program of one page starts in
// 0.2 ms, has one thread, no libc, no heap and no restartable sequences, leaves
// nothing in a guest but that page to unmap, and can do what a Go program cannot
// (give its children a time namespace).
func seedELF() []byte {
	page := make([]byte, abi.PageSize)
	le := binary.LittleEndian
	copy(page, "\x7fELF\x02\x01\x01") // 64 bits, little endian, version 1
	le.PutUint16(page[16:], 2)        // ET_EXEC
	le.PutUint16(page[18:], 62)       // EM_X86_64
	le.PutUint32(page[20:], 1)
	le.PutUint64(page[24:], uint64(seedStart+seedCode))
	le.PutUint64(page[32:], 64) // the program headers follow this one
	le.PutUint16(page[52:], 64)
	le.PutUint16(page[54:], 56)
	le.PutUint16(page[56:], 2)
	const load, stack = 1, 0x6474e551 // PT_LOAD, PT_GNU_STACK
	programHeader(page[64:], load, 4|1, uint64(seedStart), uint64(len(page)))
	programHeader(page[120:], stack, 4|2, 0, 0)
	copy(page[seedCode:], []byte{
		0xb8, unix.SYS_PAUSE, 0, 0, 0, // again: mov $pause, %eax
		0x0f, 0x05, // syscall
		0xeb, 0xf7, // jmp again
	})
	copy(page[seedInsn:], []byte{0x0f, 0x05, 0x0f, 0x0b}) // syscall; ud2
	return page
}

// programHeader fills in a segment that begins with the file.
func programHeader(b []byte, kind, flags uint32, addr, size uint64) {
	le := binary.LittleEndian
	le.PutUint32(b[0:], kind)
	le.PutUint32(b[4:], flags)
	le.PutUint64(b[16:], addr)
	le.PutUint64(b[24:], addr)
	le.PutUint64(b[32:], size)
	le.PutUint64(b[40:], size)
	le.PutUint64(b[48:], abi.PageSize)
}

// StartSeed starts a process that waits for ever, with the given words as its
// command line, as a child of the calling thread. The caller locks that thread,
// and reaps.
//
// The path of the program is read by the child: in a user namespace of its own it
// may not look into this program's descriptors, only into its copy of them.
func StartSeed(title string, attr *syscall.SysProcAttr) (abi.LocalPid, error) {
	fd, err := seedFile()
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", title, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, seedELF()); err != nil {
		return 0, fmt.Errorf("start %s: %w", title, err)
	}
	pid, err := syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", fd), []string{title}, &syscall.ProcAttr{Sys: attr})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", title, os.NewSyscallError("clone and exec", err))
	}
	return abi.LocalPid(pid), nil
}

// seedFile makes an empty file in memory that may be executed.
func seedFile() (int, error) {
	const name = "mosix-seed"
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_EXEC) // needed where vm.memfd_noexec is 1
	if err == unix.EINVAL {                                           // before 6.3
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	if fd > 2 {
		return fd, nil
	}
	// This program was started without standard descriptors, and its children
	// have none, so the file must be another number.
	defer unix.Close(fd)
	fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	return fd, os.NewSyscallError("fcntl", err)
}
