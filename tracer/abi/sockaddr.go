package abi

// maxSockaddr is the size of struct sockaddr_storage: the kernel reads and writes
// no longer address.
const maxSockaddr = 128

// addrIn shapes an address whose length is in the argument Len.
func addrIn(name string, length uint8) Arg {
	return special(name, "sockaddr", In, length, func(p *planner, i int) {
		n := int32(p.args[length])
		if n <= 0 || n > maxSockaddr {
			return // the kernel refuses it, or ignores the address, without a look
		}
		p.region(Addr(p.args[i]), uint64(n), In, arg(i), OutRule{})
	})
}

// addrOut shapes the room for an address. Its size stands where the argument Len
// points to, and so does the address's own afterwards.
func addrOut(name string, length uint8) Arg {
	return special(name, "sockaddr", Out, length, func(p *planner, i int) {
		p.lengthAt(i, int(length), maxSockaddr, Out)
	})
}

// lenAt is the argument that such a length stands at. Its region is added with that
// of the room, and here if there is no room.
func lenAt(name string) Arg {
	return special(name, "length[4]", InOut, 0, func(p *planner, i int) {
		for _, r := range p.call.Regions {
			if r.At == arg(i) {
				return
			}
		}
		p.fixed(i, 4, InOut)
	})
}

// lengthAt adds the 32-bit length at the argument size, and the room at the
// argument i with as many bytes, most at most.
func (p *planner) lengthAt(i, size int, most uint32, dir Dir) {
	region, words := p.header(Addr(p.args[size]), 4, InOut, arg(size), comesBack(InOut))
	if words == nil {
		return
	}
	n := u32(words, 0)
	if int32(n) < 0 {
		return
	}
	p.region(Addr(p.args[i]), uint64(min(n, most)), dir, arg(i), OutRule{Kind: OutLenAt, LenAt: region})
}
