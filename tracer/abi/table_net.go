package abi

import "golang.org/x/sys/unix"

// netRows are the calls on sockets.
var netRows = []Row{
	{Nr: 41, Name: "socket", Args: args(val("domain"), val("type"), val("protocol")), Placement: Home},
	{Nr: 42, Name: "connect", Args: args(val("fd"), addrIn("addr", 2), val("addrlen")), Placement: Home, Interrupt: reads, MayBlock: true},
	{Nr: 43, Name: "accept", Args: args(val("fd"), addrOut("addr", 2), lenAt("addrlen")), Placement: Home, Interrupt: reads, MayBlock: true},
	{Nr: 44, Name: "sendto", Args: args(val("fd"), special("buf", "bytes[#3]", In, 2, sendBuf), val("len"), val("flags"), addrIn("addr", 5), val("addrlen")), Placement: Home, Interrupt: writes, MayBlock: true, blocks: unlessBits(3, unix.MSG_DONTWAIT)},
	{Nr: 45, Name: "recvfrom", Args: args(val("fd"), special("buf", "bytes[#3]", Out, 2, recvBuf), val("len"), val("flags"), addrOut("addr", 5), lenAt("addrlen")), Placement: Home, Interrupt: reads | Short, MayBlock: true, blocks: unlessBits(3, unix.MSG_DONTWAIT)},
	{Nr: 46, Name: "sendmsg", Args: args(val("fd"), msgIn("msg"), val("flags")), Placement: Home, Interrupt: writes, MayBlock: true, blocks: unlessBits(2, unix.MSG_DONTWAIT)},
	{Nr: 47, Name: "recvmsg", Args: args(val("fd"), msgOut("msg"), val("flags")), Placement: Home, Interrupt: reads | Short, MayBlock: true, blocks: unlessBits(2, unix.MSG_DONTWAIT)},
	{Nr: 48, Name: "shutdown", Args: args(val("fd"), val("how")), Placement: Home},
	{Nr: 49, Name: "bind", Args: args(val("fd"), addrIn("addr", 2), val("addrlen")), Placement: Home},
	{Nr: 50, Name: "listen", Args: args(val("fd"), val("backlog")), Placement: Home},
	{Nr: 51, Name: "getsockname", Args: args(val("fd"), addrOut("addr", 2), lenAt("addrlen")), Placement: Home},
	{Nr: 52, Name: "getpeername", Args: args(val("fd"), addrOut("addr", 2), lenAt("addrlen")), Placement: Home},
	{Nr: 53, Name: "socketpair", Args: args(val("domain"), val("type"), val("protocol"), inout("sv", 8)), Placement: Home, Note: "numbers are written before the sockets are made"},
	{Nr: 54, Name: "setsockopt", Args: args(val("fd"), val("level"), val("optname"), special("optval", "bytes[#5]", In, 4, optIn), val("optlen")), Placement: Home},
	{Nr: 55, Name: "getsockopt", Args: args(val("fd"), val("level"), val("optname"), special("optval", "bytes", InOut, 4, optOut), lenAt("optlen")), Placement: Home},
	{Nr: 288, Name: "accept4", Args: args(val("fd"), addrOut("addr", 2), lenAt("addrlen"), val("flags")), Placement: Home, Interrupt: reads, MayBlock: true},
	{Nr: 299, Name: "recvmmsg", Args: args(val("fd"), msgsOut("msgvec", 2), val("vlen"), val("flags"), inout("timeout", timespecSize)), Placement: Home, Interrupt: reads | Short, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 4, Writes: true}, blocks: unlessBits(3, unix.MSG_DONTWAIT)},
	{Nr: 307, Name: "sendmmsg", Args: args(val("fd"), msgsIn("msgvec", 2), val("vlen"), val("flags")), Placement: Home, Interrupt: writes, MayBlock: true, blocks: unlessBits(3, unix.MSG_DONTWAIT)},
}

// recvBuf shapes recvfrom's room.
func recvBuf(p *planner, i int) {
	p.region(Addr(p.args[i]), min(p.args[2], MaxRW), p.received(3), arg(i), OutRule{Kind: OutRet, Unit: 1})
}

// sendBuf shapes sendto's bytes.
func sendBuf(p *planner, i int) {
	if !p.zerocopy(3) {
		p.fixed(i, min(p.args[2], MaxRW), In)
	}
}
