package abi

// The sizes of what waiting calls take. An epoll_event is packed on x86-64.
const (
	timespecSize   = 16
	timevalSize    = 16
	epollEventSize = 12
	epollMaxEvents = (1<<31 - 1) / epollEventSize
)

// pollRows are the calls that wait for descriptors.
var pollRows = []Row{
	{Nr: 7, Name: "poll", Args: args(pollFds("fds", 1), val("nfds"), val("timeout")), Placement: Home, Interrupt: RestartBlock, MayBlock: true, Timeout: Timeout{Unit: Millis, Arg: 2}, blocks: unlessZero(2)},
	{Nr: 23, Name: "select", Args: args(val("nfds"), fdSet("readfds", 0), fdSet("writefds", 0), fdSet("exceptfds", 0), inout("timeout", timevalSize).soft()), Placement: Home, Interrupt: NoHand, MayBlock: true, Timeout: Timeout{Unit: Timeval, Arg: 4, Writes: true}},
	{Nr: 213, Name: "epoll_create", Args: args(val("size")), Placement: Home},
	{Nr: 232, Name: "epoll_wait", Args: args(val("epfd"), outBuf("events", 2, epollEventSize).i32(), val("maxevents"), val("timeout")), Placement: Home, Interrupt: RawEINTR, MayBlock: true, Timeout: Timeout{Unit: Millis, Arg: 3}, blocks: unlessZero(3)},
	{Nr: 233, Name: "epoll_ctl", Args: args(val("epfd"), val("op"), val("fd"), in("event", epollEventSize)), Placement: Home},
	{Nr: 270, Name: "pselect6", Args: args(val("nfds"), fdSet("readfds", 0), fdSet("writefds", 0), fdSet("exceptfds", 0), inout("timeout", timespecSize).soft(), maskAndSize("sigmask")), Placement: Home, Interrupt: NoHand, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 4, Writes: true}, Mask: Mask{Arg: 6, Indirect: true}},
	{Nr: 271, Name: "ppoll", Args: args(pollFds("fds", 1), val("nfds"), inout("timeout", timespecSize).soft(), sigset("sigmask", In, 4), val("sigsetsize")), Placement: Home, Interrupt: NoHand, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 2, Writes: true}, Mask: Mask{Arg: 4}},
	{Nr: 281, Name: "epoll_pwait", Args: args(val("epfd"), outBuf("events", 2, epollEventSize).i32(), val("maxevents"), val("timeout"), sigset("sigmask", In, 5), val("sigsetsize")), Placement: Home, Interrupt: RawEINTR, MayBlock: true, Timeout: Timeout{Unit: Millis, Arg: 3}, Mask: Mask{Arg: 5}, blocks: unlessZero(3)},
	{Nr: 282, Name: "signalfd", Args: args(val("fd"), sigset("mask", In, 2), val("sizemask")), Placement: Home},
	{Nr: 284, Name: "eventfd", Args: args(val("initval")), Placement: Home},
	{Nr: 289, Name: "signalfd4", Args: args(val("fd"), sigset("mask", In, 2), val("sizemask"), val("flags")), Placement: Home},
	{Nr: 290, Name: "eventfd2", Args: args(val("initval"), val("flags")), Placement: Home},
	{Nr: 291, Name: "epoll_create1", Args: args(val("flags")), Placement: Home},
	{Nr: 441, Name: "epoll_pwait2", Args: args(val("epfd"), outBuf("events", 2, epollEventSize).i32(), val("maxevents"), in("timeout", timespecSize), sigset("sigmask", In, 5), val("sigsetsize")), Placement: Home, Interrupt: RawEINTR, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 3}, Mask: Mask{Arg: 5}},
}

// unlessZero makes a call wait unless its limit of milliseconds is zero.
func unlessZero(i int) func(*[6]uint64) bool {
	return func(args *[6]uint64) bool { return uint32(args[i]) != 0 }
}
