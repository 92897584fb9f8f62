package abi

// systemRows are the calls on the machine as a whole and on what the kernel shares
// with a process.
var systemRows = []Row{
	{Nr: 63, Name: "uname", Args: args(out("buf", 390)), Placement: Home},
	{Nr: 99, Name: "sysinfo", Args: args(out("info", 112)), Placement: Home},
	{Nr: 103, Name: "syslog", Args: args(val("type"), special("buf", "bytes[#3]", Out, 2, syslogBuf), val("len")), Placement: Home, Interrupt: Restarts, MayBlock: true},
	{Nr: 139, Name: "sysfs", Placement: ComeHome, Note: "the size of its answer is unknown"},
	{Nr: 153, Name: "vhangup", Placement: Home},
	{Nr: 155, Name: "pivot_root", Placement: ComeHome, Note: "mounts"},
	{Nr: 163, Name: "acct", Args: args(path("filename")), Placement: Home},
	{Nr: 165, Name: "mount", Placement: ComeHome, Note: "mounts"},
	{Nr: 166, Name: "umount2", Placement: ComeHome, Note: "mounts"},
	{Nr: 167, Name: "swapon", Args: args(path("path"), val("flags")), Placement: Home},
	{Nr: 168, Name: "swapoff", Args: args(path("path")), Placement: Home},
	{Nr: 169, Name: "reboot", Placement: ComeHome, Note: "the machine"},
	{Nr: 170, Name: "sethostname", Args: args(inBuf("name", 1, 1).i32(), val("len")), Placement: Home},
	{Nr: 171, Name: "setdomainname", Args: args(inBuf("name", 1, 1).i32(), val("len")), Placement: Home},
	{Nr: 175, Name: "init_module", Placement: ComeHome, Note: "kernel modules"},
	{Nr: 176, Name: "delete_module", Placement: ComeHome, Note: "kernel modules"},
	{Nr: 179, Name: "quotactl", Placement: ComeHome, Note: "quotas"},
	{Nr: 206, Name: "io_setup", Placement: ComeHome, Note: "a ring shared with the kernel"},
	{Nr: 207, Name: "io_destroy", Placement: ComeHome, Note: "a ring shared with the kernel"},
	{Nr: 208, Name: "io_getevents", Placement: ComeHome, Interrupt: RawEINTR, MayBlock: true, Note: "a ring shared with the kernel"},
	{Nr: 209, Name: "io_submit", Placement: ComeHome, Note: "a ring shared with the kernel"},
	{Nr: 210, Name: "io_cancel", Placement: ComeHome, Note: "a ring shared with the kernel"},
	{Nr: 246, Name: "kexec_load", Placement: ComeHome, Note: "the machine"},
	{Nr: 298, Name: "perf_event_open", Placement: ComeHome, Note: "counts what the process does"},
	{Nr: 313, Name: "finit_module", Placement: ComeHome, Note: "kernel modules"},
	{Nr: 318, Name: "getrandom", Args: args(outBuf("buf", 1, 1), val("buflen"), val("flags")), Placement: Native, Interrupt: Restarts | Short},
	{Nr: 320, Name: "kexec_file_load", Placement: ComeHome, Note: "the machine"},
	{Nr: 321, Name: "bpf", Placement: ComeHome, Note: "programs in the kernel"},
	{Nr: 333, Name: "io_pgetevents", Placement: ComeHome, Interrupt: NoHand, MayBlock: true, Note: "a ring shared with the kernel"},
	{Nr: 335, Name: "uretprobe", Placement: ComeHome, Note: "made by the kernel itself"},
	{Nr: 336, Name: "uprobe", Placement: ComeHome, Note: "made by the kernel itself"},
	{Nr: 425, Name: "io_uring_setup", Placement: ComeHome, Note: "a ring shared with the kernel"},
	{Nr: 426, Name: "io_uring_enter", Placement: ComeHome, Interrupt: RawEINTR, MayBlock: true, Note: "a ring shared with the kernel"},
	{Nr: 427, Name: "io_uring_register", Placement: ComeHome, Note: "a ring shared with the kernel"},
	{Nr: 428, Name: "open_tree", Placement: ComeHome, Note: "mounts"},
	{Nr: 429, Name: "move_mount", Placement: ComeHome, Note: "mounts"},
	{Nr: 430, Name: "fsopen", Placement: ComeHome, Note: "mounts"},
	{Nr: 431, Name: "fsconfig", Placement: ComeHome, Note: "mounts"},
	{Nr: 432, Name: "fsmount", Placement: ComeHome, Note: "mounts"},
	{Nr: 433, Name: "fspick", Placement: ComeHome, Note: "mounts"},
	{Nr: 442, Name: "mount_setattr", Placement: ComeHome, Note: "mounts"},
	{Nr: 443, Name: "quotactl_fd", Placement: ComeHome, Note: "quotas"},
	{Nr: 444, Name: "landlock_create_ruleset", Args: args(sized("attr", In, 1), val("size"), val("flags")), Placement: Home},
	{Nr: 445, Name: "landlock_add_rule", Args: args(val("ruleset_fd"), val("rule_type"), special("rule_attr", "by type", In, 1, ruleAttr), val("flags")), Placement: Home},
	{Nr: 446, Name: "landlock_restrict_self", Args: args(val("ruleset_fd"), val("flags")), Placement: Home, Note: "restricts the body, which makes the calls"},
	{Nr: 457, Name: "statmount", Args: args(selfSized("req", In), special("buf", "statmount", Out, 2, statmountBuf), val("bufsize"), val("flags")), Placement: Home},
	{Nr: 458, Name: "listmount", Args: args(selfSized("req", In), outBuf("mnt_ids", 2, 8), val("nr"), val("flags")), Placement: Home},
	{Nr: 467, Name: "open_tree_attr", Placement: ComeHome, Note: "mounts"},
	{Nr: 470, Name: "listns", Args: args(selfSized("req", In), outBuf("ns_ids", 2, 8), val("nr"), val("flags")), Placement: Home},
}

// syslogBuf shapes syslog's room: types 2, 3 and 4 read messages into it.
func syslogBuf(p *planner, i int) {
	if action, n := int32(p.args[0]), int32(p.args[2]); action >= 2 && action <= 4 && n > 0 {
		p.region(Addr(p.args[i]), uint64(n), Out, arg(i), OutRule{Kind: OutRet, Unit: 1})
	}
}

// obsoleteRows are numbers that the kernel answers with ENOSYS. Home says so.
var obsoleteRows = obsolete(map[uint64]string{
	134: "uselib", 156: "_sysctl", 174: "create_module", 177: "get_kernel_syms", 178: "query_module", 180: "nfsservctl",
	181: "getpmsg", 182: "putpmsg", 183: "afs_syscall", 184: "tuxcall", 185: "security", 205: "set_thread_area",
	211: "get_thread_area", 212: "lookup_dcookie", 214: "epoll_ctl_old", 215: "epoll_wait_old", 236: "vserver",
})

func obsolete(names map[uint64]string) []Row {
	rows := make([]Row, 0, len(names))
	for nr, name := range names {
		rows = append(rows, Row{Nr: nr, Name: name, Placement: Home, Note: "not in the kernel any more"})
	}
	return rows
}
