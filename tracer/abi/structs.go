package abi

// Structs that tell their own size, or that point further.

// The bounds of such structs.
const (
	maxHandle   = 128      // MAX_HANDLE_SZ
	maxExtended = PageSize // the kernel refuses a longer extensible struct with E2BIG
)

// sized shapes an extensible struct whose size is in the argument Len
// (copy_struct_from_user: the kernel looks at all of it, a page at most).
func sized(name string, dir Dir, length uint8) Arg {
	return special(name, "struct[#]", dir, length, func(p *planner, i int) {
		if n := p.args[length]; n <= maxExtended {
			p.fixed(i, n, dir)
		}
	})
}

// selfSized shapes a struct whose first 32 bits are its size.
func selfSized(name string, dir Dir) Arg {
	return special(name, "struct with its size", dir, 0, func(p *planner, i int) {
		words := p.read(Addr(p.args[i]), 4)
		size := uint64(4)
		if words != nil {
			size = min(max(uint64(u32(words, 0)), 4), maxExtended)
		}
		p.fixed(i, size, dir)
	})
}

// schedAttr shapes sched_setattr's struct: its size is its first 32 bits, zero
// means the first version's. A size that is not supported is written back.
func schedAttr(p *planner, i int) {
	size := uint64(schedAttrSize)
	if words := p.read(Addr(p.args[i]), 4); words != nil {
		size = max(size, uint64(u32(words, 0)))
	}
	if at := Addr(p.args[i]); p.mem.Accessible(at, 4, true) == 4 {
		p.fixed(i, min(size, maxExtended), InOut)
		return
	}
	p.fixed(i, min(size, maxExtended), In)
}

// schedAttrSize is SCHED_ATTR_SIZE_VER0.
const schedAttrSize = 48

// handleArg shapes struct file_handle: 8 bytes and as many as the first 32 bits say.
func handleArg(dir Dir) func(p *planner, i int) {
	return func(p *planner, i int) {
		size := uint64(8)
		if words := p.read(Addr(p.args[i]), 8); words != nil && u32(words, 0) <= maxHandle {
			size += uint64(u32(words, 0))
		}
		p.fixed(i, size, dir)
	}
}

// mountID shapes name_to_handle_at's fourth argument: 8 bytes with
// AT_HANDLE_MNT_ID_UNIQUE, else 4.
func mountID(p *planner, i int) {
	if p.args[4]&1 != 0 {
		p.fixed(i, 8, InOut)
		return
	}
	p.fixed(i, 4, InOut)
}

// capVersion1 is the only version of capget's header with one word per set.
const (
	capVersion1 = 0x19980330
	capVersion2 = 0x20071026
	capVersion3 = 0x20080522
	capSetSize  = 12
)

// capData shapes capget's and capset's data: its length follows from the header's
// version, and of an unknown version the kernel looks at the header alone.
func capData(dir Dir) func(p *planner, i int) {
	return func(p *planner, i int) {
		words := p.read(Addr(p.args[0]), 8)
		if words == nil {
			return
		}
		switch u32(words, 0) {
		case capVersion1:
			p.fixed(i, capSetSize, dir)
		case capVersion2, capVersion3:
			p.fixed(i, 2*capSetSize, dir)
		}
	}
}

// xattrArgs shapes struct xattr_args {value, size, flags} of setxattrat and
// getxattrat; dir is the value's.
func xattrArgs(dir Dir) func(p *planner, i int) {
	return func(p *planner, i int) {
		n := p.args[5]
		if n < 16 || n > maxExtended {
			return
		}
		r, words := p.header(Addr(p.args[i]), int(n), In, arg(i), OutRule{})
		if words == nil {
			return
		}
		rule := OutRule{}
		if dir == Out {
			rule = OutRule{Kind: OutRet, Unit: 1}
		}
		p.region(Addr(u64(words, 0)), uint64(u32(words, 8)), dir, Pointer{r, 0}, rule)
	}
}

// statmountBuf shapes statmount's answer, which begins with its own length.
func statmountBuf(p *planner, i int) {
	if r := p.fixed(i, min(p.args[2], MaxRW), Out); r >= 0 {
		p.call.Regions[r].Out = OutRule{Kind: OutLenAt, LenAt: r}
	}
}

// kcmpArg shapes kcmp's last argument, a struct for KCMP_EPOLL_TFD only.
func kcmpArg(p *planner, i int) {
	if int32(p.args[2]) == 7 {
		p.fixed(i, 12, In)
	}
}

// nodeMask shapes get_mempolicy's bits of nodes.
func nodeMask(p *planner, i int) {
	if n := p.args[2]; n > 0 && n <= 8*PageSize {
		p.fixed(i, (n+63)/64*8, InOut)
	}
}

// ruleAttr shapes landlock_add_rule's attribute by its type.
func ruleAttr(p *planner, i int) {
	switch int32(p.args[1]) {
	case 1:
		p.fixed(i, 12, In) // path_beneath, packed
	case 2:
		p.fixed(i, 16, In) // net_port
	default:
		p.refuse("unknown rule type %d", p.args[1])
	}
}
