package abi

// signalRows are the calls on signals.
var signalRows = []Row{
	{Nr: 13, Name: "rt_sigaction", Args: args(val("signum"), in("act", SigactionSize), out("oldact", SigactionSize), val("sigsetsize")), Placement: Local, place: sigactionPlace, Note: "native if it only asks; home is told with the next forwarded call"},
	{Nr: 14, Name: "rt_sigprocmask", Args: args(val("how"), sigset("set", In, 3), sigset("oldset", Out, 3), val("sigsetsize")), Placement: Native},
	{Nr: 15, Name: "rt_sigreturn", Placement: Native},
	{Nr: 34, Name: "pause", Placement: Native, Interrupt: NoHand, MayBlock: true},
	{Nr: 62, Name: "kill", Args: args(val("pid"), val("sig")), Placement: Local, Note: "home unless to itself"},
	{Nr: 127, Name: "rt_sigpending", Args: args(sigset("set", Out, 1), val("sigsetsize")), Placement: Native},
	{Nr: 128, Name: "rt_sigtimedwait", Args: args(sigset("set", In, 3), inout("info", SiginfoSize), in("timeout", timespecSize), val("sigsetsize")), Placement: Home, Interrupt: RawEINTR, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 2}, Note: "what is pending at the guest is taken there first"},
	{Nr: 129, Name: "rt_sigqueueinfo", Args: args(val("pid"), val("sig"), in("info", SiginfoSize)), Placement: Local, Note: "home unless to itself"},
	{Nr: 130, Name: "rt_sigsuspend", Args: args(sigset("mask", In, 1), val("sigsetsize")), Placement: Native, Interrupt: NoHand, MayBlock: true, Mask: Mask{Arg: 1}},
	{Nr: 131, Name: "sigaltstack", Args: args(in("ss", 24), out("old_ss", 24)), Placement: Native},
	{Nr: 200, Name: "tkill", Args: args(val("tid"), val("sig")), Placement: Local, Note: "home unless to itself"},
	{Nr: 219, Name: "restart_syscall", Placement: Local, Interrupt: RestartBlock, MayBlock: true, Note: "goes on with the call that was interrupted"},
	{Nr: 234, Name: "tgkill", Args: args(val("tgid"), val("tid"), val("sig")), Placement: Local, Note: "home unless to itself"},
	{Nr: 297, Name: "rt_tgsigqueueinfo", Args: args(val("tgid"), val("tid"), val("sig"), in("info", SiginfoSize)), Placement: Local, Note: "home unless to itself"},
}

// sigactionPlace: a null action asks, and the guest's kernel has the handlers.
func sigactionPlace(args *[6]uint64) Placement {
	if args[1] == 0 {
		return Native
	}
	return Local
}
