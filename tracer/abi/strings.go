package abi

import "bytes"

// firstRead is how much of a string is read at first: most paths are shorter.
const firstRead = 256

// str adds a NUL-terminated string of at most max bytes with its NUL. If the NUL
// is further away than that, max bytes travel and the kernel refuses them as it
// would; if memory ends first, the region is one byte longer than what is there.
func (p *planner) str(i int, at Addr, max uint64) int { return p.strAt(at, max, arg(i)) }

// strAt is str for a pointer anywhere.
func (p *planner) strAt(at Addr, max uint64, where Pointer) int {
	if at == 0 {
		return -1
	}
	return p.region(at, p.strLen(at, max), In, where, OutRule{})
}

// strLen is the length of the string at an address with its NUL; max if there is
// no NUL; one more than the readable bytes if they end before.
func (p *planner) strLen(at Addr, max uint64) uint64 {
	step := uint64(firstRead)
	for n := uint64(0); n < max; {
		want := min(step, max-n, uint64(len(p.buf)))
		got, _ := p.mem.ReadAt(p.buf[:want], at+Addr(n))
		if got < 0 || uint64(got) > want {
			return n + 1
		}
		if end := bytes.IndexByte(p.buf[:got], 0); end >= 0 {
			return n + uint64(end) + 1
		}
		n += uint64(got)
		if uint64(got) < want {
			return n + 1
		}
		step = uint64(len(p.buf))
	}
	return max
}
