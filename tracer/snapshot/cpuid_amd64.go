package snapshot

// cpuid executes the CPUID instruction.
func cpuid(leaf, sub uint32) (a, b, c, d uint32)

// xgetbv reads XCR0. The processor must have OSXSAVE.
func xgetbv() (low, high uint32)
