package abi

import "golang.org/x/sys/unix"

// The layout of struct msghdr and struct mmsghdr on x86-64.
const (
	msghdrSize   = 56
	mmsghdrSize  = 64
	msgName      = 0
	msgNamelen   = 8
	msgIov       = 16
	msgIovlen    = 24
	msgControl   = 32
	msgCtlLen    = 40
	mmsgLen      = 56
	maxMessages  = maxIov
	maxCtlLength = 1<<31 - 1
)

// msgIn and msgOut shape the header of sendmsg and recvmsg.
func msgIn(name string) Arg {
	return special(name, "msghdr", In, 0, func(p *planner, i int) {
		if p.zerocopy(2) {
			return
		}
		if r, words := p.header(Addr(p.args[i]), msghdrSize, In, arg(i), OutRule{}); words != nil {
			p.message(r, 0, words, In, OutRule{})
		}
	})
}

func msgOut(name string) Arg {
	return special(name, "msghdr", InOut, 0, func(p *planner, i int) {
		r, words := p.header(Addr(p.args[i]), msghdrSize, InOut, arg(i), comesBack(InOut))
		if words != nil {
			p.message(r, 0, words, p.received(2), OutRule{Kind: OutVector})
		}
	})
}

// msgsIn and msgsOut shape the array of sendmmsg and recvmmsg.
func msgsIn(name string, length uint8) Arg {
	return special(name, "mmsghdr[]", InOut, length, func(p *planner, i int) {
		if !p.zerocopy(3) {
			p.messages(i, In)
		}
	})
}

func msgsOut(name string, length uint8) Arg {
	return special(name, "mmsghdr[]", InOut, length, func(p *planner, i int) { p.messages(i, p.received(3)) })
}

// zerocopy refuses a call whose buffers the kernel reads after it, too.
func (p *planner) zerocopy(flags int) bool {
	if p.args[flags]&unix.MSG_ZEROCOPY != 0 {
		p.refuse("MSG_ZEROCOPY")
		return true
	}
	return false
}

// received is the direction of received bytes. With MSG_TRUNC TCP counts bytes that
// it throws away, so what lay in the buffer must come back.
func (p *planner) received(flags int) Dir {
	if p.args[flags]&unix.MSG_TRUNC != 0 {
		return InOut
	}
	return Out
}

// messages adds an array of messages; like the kernel it takes 1024 at most. The
// kernel stops at the first header that it cannot read, and so do we.
func (p *planner) messages(i int, dir Dir) {
	count := min(uint64(uint32(p.args[p.row.Args[i].Len])), maxMessages)
	array := p.fixed(i, count*mmsghdrSize, InOut)
	if array < 0 {
		return
	}
	whole := p.call.Regions[array].Avail / mmsghdrSize
	for n := uint64(0); n < whole && p.refused == ""; n++ {
		off := n * mmsghdrSize
		words := p.read(Addr(p.args[i]+off), mmsghdrSize)
		if words == nil {
			return
		}
		rule := OutRule{}
		if dir != In {
			rule = OutRule{Kind: OutVectorAt, LenAt: array, LenOff: uint32(off + mmsgLen), Least: uint32(n + 1)}
		}
		p.message(array, uint32(off), words, dir, rule)
	}
}

// message adds what the header at byte off of region r points to; iov is the rule
// of the pieces.
func (p *planner) message(r int, off uint32, words []byte, dir Dir, iov OutRule) {
	name, namelen := u64(words, msgName), u32(words, msgNamelen)
	vec, count := u64(words, msgIov), u64(words, msgIovlen)
	control, ctlLen := u64(words, msgControl), u64(words, msgCtlLen)
	if int32(namelen) < 0 || count > maxIov {
		return // EINVAL, EMSGSIZE
	}
	rule := func(at uint32) OutRule {
		if dir == In {
			return OutRule{}
		}
		return OutRule{Kind: OutLenAt, LenAt: r, LenOff: off + at, Least: iov.Least}
	}
	p.region(Addr(name), uint64(min(namelen, maxSockaddr)), dir, Pointer{r, off + msgName}, rule(msgNamelen))
	p.iovec(Addr(vec), count, dir, Pointer{r, off + msgIov}, iov)
	if ctlLen <= maxCtlLength {
		if dir == Out {
			dir = InOut // the kernel skips the padding between control messages
		}
		p.region(Addr(control), ctlLen, dir, Pointer{r, off + msgControl}, rule(msgCtlLen))
	}
}
