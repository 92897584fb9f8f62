package abi

// iovecSize is the size of struct iovec: address, length.
const iovecSize = 16

// iovIn and iovOut shape an iovec whose number of pieces is in the argument Len.
func iovIn(name string, length uint8) Arg {
	return special(name, "iovec", In, length, (*planner).iovecArg)
}

func iovOut(name string, length uint8) Arg {
	return special(name, "iovec", Out, length, (*planner).iovecArg)
}

func (p *planner) iovecArg(i int) {
	a := &p.row.Args[i]
	p.iovec(Addr(p.args[i]), p.args[a.Len], a.Dir, arg(i), OutRule{Kind: OutVector})
}

// iovec adds a vector and its pieces. rule is that of the pieces; its Unit is set
// here. Too many pieces are refused by the kernel before it looks at the vector,
// and a negative length before it looks at the pieces.
func (p *planner) iovec(at Addr, count uint64, dir Dir, where Pointer, rule OutRule) {
	if dir == In {
		rule = OutRule{}
	}
	if count > maxIov {
		return
	}
	vec := p.region(at, count*iovecSize, In, where, OutRule{})
	if vec < 0 || p.call.Regions[vec].Avail < count*iovecSize {
		return
	}
	first, total := len(p.call.Regions), uint64(0)
	for n := uint64(0); n < count; n++ {
		// The scratch holds 256 pieces; each batch is read where it begins.
		batch := min(count-n&^255, 256)
		if n&255 == 0 && p.read(at+Addr(n*iovecSize), int(batch*iovecSize)) == nil {
			p.call.Regions[vec].Avail = n * iovecSize
			return
		}
		off := int(n&255) * iovecSize
		base, size := u64(p.buf[:], off), u64(p.buf[:], off+8)
		if int64(size) < 0 {
			p.call.Regions = p.call.Regions[:first]
			return
		}
		size = min(size, MaxRW-total)
		rule.Unit = total
		if dir == In {
			rule.Unit = 0
		}
		p.faults = p.faults || base == 0 && size > 0 && dir != In
		p.region(Addr(base), size, dir, Pointer{Region: vec, Offset: uint32(n * iovecSize)}, rule)
		total += size
	}
}
