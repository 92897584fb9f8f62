package abi

import "encoding/binary"

// Mask says where the signal mask stands that a call sets while it waits.
type Mask struct {
	Arg      uint8 // number of the pointer's argument plus one, behind which is the size; 0 if the call sets none
	Indirect bool  // the argument points to {pointer, size} (pselect6, io_pgetevents)
}

// SigsetSize is the size of the kernel's signal set in bytes.
const SigsetSize = 8

// Sizes of siginfo_t and of struct kernel_sigaction, in bytes.
const (
	SiginfoSize   = 128
	SigactionSize = 32
)

// Read is the mask that the call sets, bit n-1 for signal n. ok is false if it sets
// none, and if the kernel refuses it: for its size, or because it cannot be read.
func (m Mask) Read(args *[6]uint64, mem Memory) (mask uint64, ok bool) {
	if m.Arg == 0 {
		return 0, false
	}
	at, size := args[m.Arg-1], uint64(0)
	switch {
	case !m.Indirect:
		size = args[m.Arg]
	case at != 0:
		if size, ok = readWord(mem, Addr(at)+8); !ok {
			return 0, false
		}
		if at, ok = readWord(mem, Addr(at)); !ok {
			return 0, false
		}
	}
	if at == 0 || size != SigsetSize {
		return 0, false
	}
	return readWord(mem, Addr(at))
}

// Take is the call's arguments without the mask that it sets, and that mask, as
// Read gives it: who executes the call elsewhere blocks the signals by other means.
func (m Mask) Take(args [6]uint64, mem Memory) (without [6]uint64, mask uint64, ok bool) {
	if mask, ok = m.Read(&args, mem); ok {
		args[m.Arg-1] = 0
	}
	return args, mask, ok
}

// readWord reads 8 bytes.
func readWord(mem Memory, at Addr) (uint64, bool) {
	var word [8]byte
	if n, err := mem.ReadAt(word[:], at); err != nil || n < len(word) {
		return 0, false
	}
	return binary.LittleEndian.Uint64(word[:]), true
}
