package abi

// identityRows are the calls on who a process is.
var identityRows = []Row{
	{Nr: 39, Name: "getpid", Placement: Native, Note: "the guest has its home number"},
	{Nr: 102, Name: "getuid", Placement: Home},
	{Nr: 104, Name: "getgid", Placement: Home},
	{Nr: 105, Name: "setuid", Args: args(val("uid")), Placement: Home},
	{Nr: 106, Name: "setgid", Args: args(val("gid")), Placement: Home},
	{Nr: 107, Name: "geteuid", Placement: Home},
	{Nr: 108, Name: "getegid", Placement: Home},
	{Nr: 109, Name: "setpgid", Args: args(val("pid"), val("pgid")), Placement: Home},
	{Nr: 110, Name: "getppid", Placement: Home},
	{Nr: 111, Name: "getpgrp", Placement: Home},
	{Nr: 112, Name: "setsid", Placement: Home},
	{Nr: 113, Name: "setreuid", Args: args(val("ruid"), val("euid")), Placement: Home},
	{Nr: 114, Name: "setregid", Args: args(val("rgid"), val("egid")), Placement: Home},
	{Nr: 115, Name: "getgroups", Args: args(val("size"), outBuf("list", 0, 4).i32()), Placement: Home},
	{Nr: 116, Name: "setgroups", Args: args(val("size"), inBuf("list", 0, 4).i32()), Placement: Home},
	{Nr: 117, Name: "setresuid", Args: args(val("ruid"), val("euid"), val("suid")), Placement: Home},
	{Nr: 118, Name: "getresuid", Args: args(out("ruid", 4), out("euid", 4), out("suid", 4)), Placement: Home},
	{Nr: 119, Name: "setresgid", Args: args(val("rgid"), val("egid"), val("sgid")), Placement: Home},
	{Nr: 120, Name: "getresgid", Args: args(out("rgid", 4), out("egid", 4), out("sgid", 4)), Placement: Home},
	{Nr: 121, Name: "getpgid", Args: args(val("pid")), Placement: Home},
	{Nr: 122, Name: "setfsuid", Args: args(val("uid")), Placement: Home},
	{Nr: 123, Name: "setfsgid", Args: args(val("gid")), Placement: Home},
	{Nr: 124, Name: "getsid", Args: args(val("pid")), Placement: Home},
	{Nr: 125, Name: "capget", Args: args(inout("hdrp", 8).soft(), special("datap", "by version", InOut, 0, capData(InOut))), Placement: Home},
	{Nr: 126, Name: "capset", Args: args(inout("hdrp", 8).soft(), special("datap", "by version", In, 0, capData(In))), Placement: Home},
	{Nr: 135, Name: "personality", Args: args(val("persona")), Placement: ComeHome, place: personalityPlace, Note: "home if it only asks"},
	{Nr: 186, Name: "gettid", Placement: Native, Note: "the guest has its home number"},
	{Nr: 459, Name: "lsm_get_self_attr", Args: args(val("attr"), special("ctx", "bytes", InOut, 2, lsmContext), lenAt("size"), val("flags")), Placement: Home},
	{Nr: 460, Name: "lsm_set_self_attr", Args: args(val("attr"), inBuf("ctx", 2, 1).u32(), val("size"), val("flags")), Placement: Home},
	{Nr: 461, Name: "lsm_list_modules", Args: args(special("ids", "bytes", Out, 1, lsmModules), lenAt("size"), val("flags")), Placement: Home},
}

// personalityPlace: 0xffffffff asks.
func personalityPlace(args *[6]uint64) Placement {
	if uint32(args[0]) == 0xffffffff {
		return Home
	}
	return ComeHome
}

// lsmContext and lsmModules shape rooms whose size stands where the next but one
// or the next argument points to. With a null room the kernel tells the size alone.
func lsmContext(p *planner, i int) { p.lengthAt(i, 2, 1<<31-1, InOut) }
func lsmModules(p *planner, i int) { p.lengthAt(i, 1, 1<<31-1, InOut) }
