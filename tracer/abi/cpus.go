package abi

import (
	"encoding/binary"
	"math/bits"
)

// CPUSet is a set of processors by their numbers, bit n%64 of word n/64 (man
// sched_setaffinity). An empty one says that nothing is known.
type CPUSet []uint64

// CPUSetFrom is the set in the bytes that the kernel takes and gives.
func CPUSetFrom(mask []byte) (s CPUSet) {
	for i, b := range mask {
		for ; b != 0; b &= b - 1 {
			s.add(8*i + bits.TrailingZeros8(b))
		}
	}
	return s
}

// CPUSetOf is the set of one processor.
func CPUSetOf(n int) (s CPUSet) {
	s.add(n)
	return s
}

// Bytes is the set as the kernel takes it.
func (s CPUSet) Bytes() []byte {
	mask := make([]byte, 0, 8*len(s))
	for _, word := range s {
		mask = binary.LittleEndian.AppendUint64(mask, word)
	}
	return mask
}

func (s *CPUSet) add(n int) {
	for n/64 >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[n/64] |= 1 << (n % 64)
}

func (s CPUSet) has(n int) bool { return n/64 < len(s) && s[n/64]>>(n%64)&1 != 0 }

// numbers are the processors in the set, ascending.
func (s CPUSet) numbers() (list []int) {
	for i, word := range s {
		for ; word != 0; word &= word - 1 {
			list = append(list, 64*i+bits.TrailingZeros64(word))
		}
	}
	return list
}

// Empty tells whether there is no processor in the set.
func (s CPUSet) Empty() bool { return s.Within(nil) }

// And is what is in both sets.
func (s CPUSet) And(other CPUSet) (both CPUSet) {
	for i := range min(len(s), len(other)) {
		both = append(both, s[i]&other[i])
	}
	return both
}

// Within tells whether all of the set is in another.
func (s CPUSet) Within(other CPUSet) bool {
	for i, word := range s {
		if i < len(other) {
			word &^= other[i]
		}
		if word != 0 {
			return false
		}
	}
	return true
}

// On is the set on a machine that has other processors: those of the same numbers,
// and for each number that is not there another. Here is not empty.
func (s CPUSet) On(here CPUSet) (there CPUSet) {
	list := here.numbers()
	for _, n := range s.numbers() {
		if !here.has(n) {
			n = list[n%len(list)]
		}
		there.add(n)
	}
	return there
}
