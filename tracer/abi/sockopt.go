package abi

import "golang.org/x/sys/unix"

// Options whose value holds addresses that we do not follow, or that make the
// kernel keep the program's memory after the call.
const (
	soZerocopy       = 60
	tcpZeroReceive   = 35
	packetRxRing     = 5
	packetTxRing     = 13
	packetFanoutData = 22
	iptReplace       = 64 // IPT_SO_SET_REPLACE, IP6T_SO_SET_REPLACE
	sockFprogSize    = 16
	sockFilterSize   = 8
)

// optionRefused says why a socket option can be used at home only.
func optionRefused(level, option int32) string {
	switch {
	case level == unix.SOL_SOCKET && option == soZerocopy:
		return "SO_ZEROCOPY"
	case level == unix.SOL_TCP && option == tcpZeroReceive:
		return "TCP_ZEROCOPY_RECEIVE"
	case level == unix.SOL_PACKET && (option == packetRxRing || option == packetTxRing || option == packetFanoutData):
		return "packet ring"
	case (level == unix.SOL_IP || level == unix.SOL_IPV6) && option == iptReplace:
		return "netfilter table"
	case level == unix.SOL_XDP:
		return "AF_XDP"
	}
	return ""
}

// optIn shapes setsockopt's value.
func optIn(p *planner, i int) {
	level, option, n := int32(p.args[1]), int32(p.args[2]), int32(p.args[4])
	if why := optionRefused(level, option); why != "" {
		p.refuse("%s", why)
		return
	}
	if n <= 0 {
		return
	}
	r := p.fixed(i, uint64(n), In)
	if r >= 0 && level == unix.SOL_SOCKET && n >= sockFprogSize && isFilter(option) {
		p.filter(r)
	}
}

// isFilter tells the options whose value is a struct sock_fprog.
func isFilter(option int32) bool {
	return option == unix.SO_ATTACH_FILTER || option == unix.SO_ATTACH_REUSEPORT_CBPF
}

// filter adds the instructions of the classic BPF program in region r.
func (p *planner) filter(r int) {
	words := p.read(p.call.Regions[r].Addr, sockFprogSize)
	if words == nil {
		return
	}
	n := uint64(u32(words, 0) & 0xffff)
	p.region(Addr(u64(words, 8)), n*sockFilterSize, In, Pointer{r, 8}, OutRule{})
}

// optOut shapes getsockopt's value. Some options read it first, and some leave
// part of it alone, so it travels both ways.
func optOut(p *planner, i int) {
	if why := optionRefused(int32(p.args[1]), int32(p.args[2])); why != "" {
		p.refuse("%s", why)
		return
	}
	if int32(p.args[1]) == unix.SOL_SOCKET && int32(p.args[2]) == soGetFilter {
		if _, words := p.header(Addr(p.args[4]), 4, InOut, arg(4), comesBack(InOut)); words != nil {
			n := min(uint64(u32(words, 0)), maxFilter) // instructions (man socket, SO_ATTACH_FILTER)
			p.region(Addr(p.args[i]), n*sockFilterSize, InOut, arg(i), comesBack(InOut))
		}
		return
	}
	p.lengthAt(i, 4, 1<<31-1, InOut)
}

// soGetFilter has the number of SO_ATTACH_FILTER; maxFilter is BPF_MAXINSNS.
const (
	soGetFilter = unix.SO_ATTACH_FILTER
	maxFilter   = 4096
)
