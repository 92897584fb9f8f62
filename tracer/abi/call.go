package abi

// Dir tells which way the bytes of a region travel.
type Dir uint8

// The directions of a region.
const (
	In    Dir = 1 << iota // the kernel reads it: bytes travel with the call
	Out                   // the kernel writes it: bytes travel with the answer
	InOut = In | Out
)

// Pointer says where in a call the address of a region stands, so that it can
// be replaced by the address of the region's copy in the body.
type Pointer struct {
	Region int    // -1: an argument register; else the index of an earlier region
	Offset uint32 // argument number 0..5, or byte offset in that region
}

// OutKind says how many bytes of an Out region come back with the answer.
type OutKind uint8

// The kinds of OutRule. Nothing comes back when the call failed, unless the
// rule says otherwise.
const (
	OutNone     OutKind = iota // nothing (In regions)
	OutAll                     // Avail bytes, when the result is >= 0
	OutAlways                  // Avail bytes, also when the call failed (EINTR's remaining time and the like)
	OutRet                     // result*Unit bytes
	OutVector                  // the region's share of result bytes spread over consecutive vector regions; Unit is the number of bytes in the vector before this one
	OutLenAt                   // as many bytes as the 32-bit number in region LenAt says after the call, Avail at most
	OutCString                 // up to and with the first NUL
	OutVectorAt                // like OutVector, spread over the 32-bit number in region LenAt instead of the result
)

// OutRule says how many bytes of an Out region come back.
type OutRule struct {
	Kind   OutKind
	Unit   uint64 // for OutRet: bytes per unit of the result; for OutVector and OutVectorAt: bytes before this piece
	LenAt  int    // for OutLenAt and OutVectorAt: index of the region that holds the length
	LenOff uint32 // for OutLenAt and OutVectorAt: byte offset of the 32-bit length in that region
	Plus   uint32 // for OutRet: bytes that come back on top of the result's (msgrcv's type word)
	Least  uint32 // nothing comes back when the result is smaller (recvmmsg's later messages); not for OutAlways
}

// Region is one piece of the program's memory that a call reads or writes.
type Region struct {
	Addr  Addr   // where it is in the program's memory
	Len   uint64 // bytes that the kernel may touch by the call's own arguments
	Avail uint64 // bytes from Addr on that are accessible as Dir demands; < Len only when the program passed a bad pointer
	Dir   Dir
	At    Pointer // where its address stands
	Out   OutRule
}

// Call is a system call ready to be executed somewhere else: the registers and
// every piece of memory that it touches. Nil pointers make no region: they stay
// nil in Args.
type Call struct {
	Nr      uint64
	Args    [6]uint64
	Regions []Region
}

// Memory reads the memory of the process that made a call.
type Memory interface {
	// ReadAt reads len(p) bytes at addr. A short count comes with an error and
	// means that the byte after it is not readable.
	ReadAt(p []byte, addr Addr) (int, error)
	// Accessible tells how many of the n bytes at addr are mapped and readable,
	// or writable too if write is set.
	Accessible(addr Addr, n uint64, write bool) uint64
}
