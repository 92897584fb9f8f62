package abi

// maxArgString is MAX_ARG_STRLEN: the longest argument of execve, in bytes.
const maxArgString = 32 * PageSize

// strv shapes execve's vectors: pointers to strings, ended by a null pointer.
func strv(name string) Arg {
	return special(name, "string[]", In, 0, func(p *planner, i int) {
		at := Addr(p.args[i])
		n, ended := p.countPointers(at)
		size := uint64(n) * 8
		if ended {
			size += 8
		} else {
			size++ // memory ends first: the kernel finds that out
		}
		r := p.region(at, size, In, arg(i), OutRule{})
		if r < 0 {
			return
		}
		for k := 0; k < n && p.refused == ""; k += pointerBatch {
			p.strings(at, r, k, min(n-k, pointerBatch))
		}
	})
}

// pointerBatch is how many pointers are read at once.
const pointerBatch = 64

// strings adds the strings of n pointers from number k on of the vector in region r.
func (p *planner) strings(at Addr, r, k, n int) {
	var batch [pointerBatch * 8]byte
	copy(batch[:], p.read(at+Addr(k*8), n*8))
	for j := 0; j < n; j++ {
		p.strAt(Addr(u64(batch[:], j*8)), maxArgString, Pointer{r, uint32((k + j) * 8)})
	}
}

// countPointers counts the pointers before the null pointer at an address. ended
// is false if memory ends before that. More than MaxRegions are refused.
func (p *planner) countPointers(at Addr) (n int, ended bool) {
	for n <= MaxRegions {
		got, _ := p.mem.ReadAt(p.buf[:pointerBatch*8], at+Addr(n*8))
		whole := max(min(got/8, pointerBatch), 0)
		for j := 0; j < whole; j++ {
			if u64(p.buf[:], j*8) == 0 {
				return n + j, true
			}
		}
		if n += whole; whole < pointerBatch {
			return n, false
		}
	}
	p.refuse("more than %d strings", MaxRegions)
	return 0, false
}
