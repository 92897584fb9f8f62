package abi

// The sizes of what the kernel tells of processes.
const (
	rusageSize = 144
	rlimitSize = 16
)

// processRows are the calls that make, end, wait for and steer processes.
var processRows = []Row{
	{Nr: 24, Name: "sched_yield", Placement: Native},
	{Nr: 56, Name: "clone", Args: args(val("flags"), val("stack"), val("parent_tid"), val("child_tid"), val("tls")), Placement: Local},
	{Nr: 57, Name: "fork", Placement: Local},
	{Nr: 58, Name: "vfork", Placement: Local},
	{Nr: 59, Name: "execve", Args: args(path("path"), strv("argv"), strv("envp")), Placement: Local, Note: "the body executes the program"},
	{Nr: 60, Name: "exit", Args: args(val("status")), Placement: Local},
	{Nr: 61, Name: "wait4", Args: args(val("pid"), inout("wstatus", 4), val("options"), inout("rusage", rusageSize)), Placement: Home, Interrupt: Restarts, MayBlock: true, blocks: unlessBits(2, 1)},
	{Nr: 97, Name: "getrlimit", Args: args(val("resource"), out("rlim", rlimitSize)), Placement: Local},
	{Nr: 98, Name: "getrusage", Args: args(val("who"), out("usage", rusageSize)), Placement: Home, Note: "what was used away is added"},
	{Nr: 101, Name: "ptrace", Placement: ComeHome, Note: "traces other processes or is traced"},
	{Nr: 140, Name: "getpriority", Args: args(val("which"), val("who")), Placement: Home},
	{Nr: 141, Name: "setpriority", Args: args(val("which"), val("who"), val("prio")), Placement: Home, Note: "the guest's own priority follows"},
	{Nr: 142, Name: "sched_setparam", Args: args(val("pid"), in("param", 4)), Placement: Home},
	{Nr: 143, Name: "sched_getparam", Args: args(val("pid"), out("param", 4)), Placement: Home},
	{Nr: 144, Name: "sched_setscheduler", Args: args(val("pid"), val("policy"), in("param", 4)), Placement: Home},
	{Nr: 145, Name: "sched_getscheduler", Args: args(val("pid")), Placement: Home},
	{Nr: 146, Name: "sched_get_priority_max", Args: args(val("policy")), Placement: Home},
	{Nr: 147, Name: "sched_get_priority_min", Args: args(val("policy")), Placement: Home},
	{Nr: 148, Name: "sched_rr_get_interval", Args: args(val("pid"), out("tp", timespecSize)), Placement: Home},
	{Nr: 154, Name: "modify_ldt", Placement: ComeHome, Note: "local descriptor table"},
	{Nr: 157, Name: "prctl", Args: args(val("option"), special("arg2", "by option", InOut, 0, prctlArg), val("arg3"), val("arg4"), val("arg5")), Placement: Home, place: prctlPlace, Note: "options about memory or the processor are native, local or come home"},
	{Nr: 158, Name: "arch_prctl", Args: args(val("code"), special("addr", "by code", InOut, 0, archArg)), Placement: Native, place: archPlace, Note: "other codes than FS and GS are home or come home"},
	{Nr: 160, Name: "setrlimit", Args: args(val("resource"), in("rlim", rlimitSize)), Placement: Local},
	{Nr: 172, Name: "iopl", Placement: ComeHome, Note: "input and output ports"},
	{Nr: 173, Name: "ioperm", Placement: ComeHome, Note: "input and output ports"},
	{Nr: 202, Name: "futex", Args: args(val("uaddr"), val("op"), val("val"), val("timeout"), val("uaddr2"), val("val3")), Placement: Native, Interrupt: Restarts | RestartBlock, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 3, relative: futexRelative}},
	{Nr: 203, Name: "sched_setaffinity", Args: args(val("pid"), val("cpusetsize"), inBuf("mask", 1, 1).u32()), Placement: Local, Note: "the guest is bound, too"},
	{Nr: 204, Name: "sched_getaffinity", Args: args(val("pid"), val("cpusetsize"), outBuf("mask", 1, 1).u32()), Placement: Local},
	{Nr: 218, Name: "set_tid_address", Args: args(val("tidptr")), Placement: Local},
	{Nr: 231, Name: "exit_group", Args: args(val("status")), Placement: Local},
	{Nr: 247, Name: "waitid", Args: args(val("idtype"), val("id"), inout("infop", SiginfoSize), val("options"), inout("rusage", rusageSize)), Placement: Home, Interrupt: Restarts, MayBlock: true, blocks: unlessBits(3, 1)},
	{Nr: 251, Name: "ioprio_set", Args: args(val("which"), val("who"), val("ioprio")), Placement: Home},
	{Nr: 252, Name: "ioprio_get", Args: args(val("which"), val("who")), Placement: Home},
	{Nr: 272, Name: "unshare", Placement: ComeHome, Note: "own namespaces"},
	{Nr: 273, Name: "set_robust_list", Args: args(val("head"), val("len")), Placement: Native},
	{Nr: 274, Name: "get_robust_list", Args: args(val("pid"), val("head_ptr"), val("len_ptr")), Placement: Native},
	{Nr: 302, Name: "prlimit64", Args: args(val("pid"), val("resource"), in("new", rlimitSize), out("old", rlimitSize)), Placement: Local},
	{Nr: 308, Name: "setns", Placement: ComeHome, Note: "own namespaces"},
	{Nr: 309, Name: "getcpu", Args: args(out("cpu", 4), out("node", 4), val("unused")), Placement: Local, Note: "home if the guest runs on processors that the program could not have there"},
	{Nr: 312, Name: "kcmp", Args: args(val("pid1"), val("pid2"), val("type"), val("idx1"), special("idx2", "by type", In, 2, kcmpArg)), Placement: Home},
	{Nr: 314, Name: "sched_setattr", Args: args(val("pid"), special("attr", "struct with its size", InOut, 0, schedAttr), val("flags")), Placement: Home},
	{Nr: 315, Name: "sched_getattr", Args: args(val("pid"), sized("attr", InOut, 2), val("size"), val("flags")), Placement: Home},
	{Nr: 317, Name: "seccomp", Placement: ComeHome, Note: "own system-call filter"},
	{Nr: 322, Name: "execveat", Args: args(val("dirfd"), path("path"), strv("argv"), strv("envp"), val("flags")), Placement: Local, Note: "the body executes the program"},
	{Nr: 334, Name: "rseq", Args: args(val("rseq"), val("len"), val("flags"), val("sig")), Placement: Local, Note: "kept for later while the guest runs on processors that the program could not have at home"},
	{Nr: 424, Name: "pidfd_send_signal", Args: args(val("pidfd"), val("sig"), in("info", SiginfoSize), val("flags")), Placement: Home},
	{Nr: 434, Name: "pidfd_open", Args: args(val("pid"), val("flags")), Placement: Home},
	{Nr: 435, Name: "clone3", Args: args(sized("cl_args", In, 1), val("size")), Placement: Local},
	{Nr: 438, Name: "pidfd_getfd", Args: args(val("pidfd"), val("targetfd"), val("flags")), Placement: Home},
	{Nr: 448, Name: "process_mrelease", Args: args(val("pidfd"), val("flags")), Placement: Home},
	{Nr: 449, Name: "futex_waitv", Args: args(val("waiters"), val("nr_futexes"), val("flags"), val("timeout"), val("clockid")), Placement: Native, Interrupt: Restarts, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 3, Absolute: true}},
	{Nr: 454, Name: "futex_wake", Args: args(val("uaddr"), val("mask"), val("nr"), val("flags")), Placement: Native},
	{Nr: 455, Name: "futex_wait", Args: args(val("uaddr"), val("val"), val("mask"), val("flags"), val("timeout"), val("clockid")), Placement: Native, Interrupt: Restarts, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 4, Absolute: true}},
	{Nr: 456, Name: "futex_requeue", Args: args(val("waiters"), val("flags"), val("nr_wake"), val("nr_requeue")), Placement: Native},
	{Nr: 471, Name: "rseq_slice_yield", Placement: Native},
}

// futexRelative: only FUTEX_WAIT is limited by a duration; other operations have a
// moment there, or a number.
func futexRelative(args *[6]uint64) bool { return args[1]&0x7f == 0 }
