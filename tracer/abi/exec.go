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
		for k := 0; k < n && p.refused == ""; k++ {
			if words := p.read(at+Addr(k*8), 8); words != nil {
				p.strAt(Addr(u64(words, 0)), maxArgString, Pointer{r, uint32(k * 8)})
			}
		}
	})
}

// countPointers counts the pointers before the null pointer at an address. ended
// is false if memory ends before that. More than MaxRegions are refused.
func (p *planner) countPointers(at Addr) (n int, ended bool) {
	for n <= MaxRegions {
		words := p.read(at+Addr(n*8), 8)
		if words == nil {
			return n, false
		}
		if u64(words, 0) == 0 {
			return n, true
		}
		n++
	}
	p.refuse("more than %d strings", MaxRegions)
	return 0, false
}
