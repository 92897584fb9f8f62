package abi

// maxFds is the highest fs.nr_open that we reckon with: no more descriptors than
// this are looked for in a set, as the kernel does not look beyond its own table.
const maxFds = 1 << 20

// fdSet shapes a set of descriptors; its size follows from the argument Len.
func fdSet(name string, length uint8) Arg {
	return special(name, "fd_set", InOut, length, func(p *planner, i int) {
		n := int32(p.args[length])
		if n <= 0 {
			return
		}
		size := (uint64(min(n, maxFds)) + 63) / 64 * 8
		p.fixed(i, size, InOut)
	})
}

// maskAndSize shapes pselect6's last argument: {pointer to a mask, its size}.
func maskAndSize(name string) Arg {
	return special(name, "{sigset,size}", In, 0, func(p *planner, i int) {
		r, words := p.header(Addr(p.args[i]), 16, In, arg(i), OutRule{})
		if words != nil && u64(words, 8) == SigsetSize {
			p.region(Addr(u64(words, 0)), SigsetSize, In, Pointer{r, 0}, OutRule{})
		}
	})
}

// sigset shapes a mask whose size is in the argument Len. The kernel refuses every
// size but its own before it looks at the mask.
func sigset(name string, dir Dir, length uint8) Arg {
	return special(name, "sigset", dir, length, func(p *planner, i int) {
		if p.args[length] != SigsetSize {
			return
		}
		p.fixed(i, SigsetSize, dir)
	})
}

// pollfdSize is the size of struct pollfd.
const pollfdSize = 8

// pollFds shapes poll's array.
func pollFds(name string, length uint8) Arg { return wholeBuf(name, length, pollfdSize).u32() }
