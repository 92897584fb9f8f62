package abi

import "golang.org/x/sys/unix"

// memoryRows are the calls on the address space. The guest's memory is its own;
// what home must know of it, or has the contents of, stops at the executor.
var memoryRows = []Row{
	{Nr: 9, Name: "mmap", Args: args(val("addr"), val("length"), val("prot"), val("flags"), val("fd"), val("offset")), Placement: Local, place: mmapPlace, Note: "native if private, anonymous and not fixed"},
	{Nr: 10, Name: "mprotect", Args: args(val("addr"), val("len"), val("prot")), Placement: Native},
	{Nr: 11, Name: "munmap", Args: args(val("addr"), val("length")), Placement: Local, Note: "home is told of file ranges"},
	{Nr: 12, Name: "brk", Args: args(val("addr")), Placement: Native},
	{Nr: 25, Name: "mremap", Args: args(val("old_addr"), val("old_size"), val("new_size"), val("flags"), val("new_addr")), Placement: Local},
	{Nr: 26, Name: "msync", Args: args(val("addr"), val("length"), val("flags")), Placement: Local, Note: "dirty pages of shared files go home"},
	{Nr: 27, Name: "mincore", Args: args(val("addr"), val("length"), val("vec")), Placement: Native},
	{Nr: 28, Name: "madvise", Args: args(val("addr"), val("length"), val("advice")), Placement: Native, place: madvisePlace, Note: "local if it frees memory for everybody or locked pages"},
	{Nr: 149, Name: "mlock", Args: args(val("addr"), val("len")), Placement: Local},
	{Nr: 150, Name: "munlock", Args: args(val("addr"), val("len")), Placement: Local},
	{Nr: 151, Name: "mlockall", Args: args(val("flags")), Placement: Local},
	{Nr: 152, Name: "munlockall", Placement: Local},
	{Nr: 216, Name: "remap_file_pages", Placement: ComeHome, Note: "non-linear file mapping"},
	{Nr: 237, Name: "mbind", Placement: ComeHome, Note: "memory policy"},
	{Nr: 238, Name: "set_mempolicy", Placement: ComeHome, Note: "memory policy"},
	{Nr: 239, Name: "get_mempolicy", Args: args(inout("mode", 4), special("nodemask", "bits[#3]", InOut, 2, nodeMask), val("maxnode"), val("addr"), val("flags")), Placement: Home, place: mempolicyPlace},
	{Nr: 256, Name: "migrate_pages", Placement: ComeHome, Note: "memory policy"},
	{Nr: 279, Name: "move_pages", Placement: ComeHome, Note: "memory policy"},
	{Nr: 310, Name: "process_vm_readv", Placement: ComeHome, Note: "memory of another process, which comes home first; native if it is its own"},
	{Nr: 311, Name: "process_vm_writev", Placement: ComeHome, Note: "memory of another process, which comes home first; native if it is its own"},
	{Nr: 323, Name: "userfaultfd", Placement: ComeHome, Note: "faults handled by the program"},
	{Nr: 324, Name: "membarrier", Args: args(val("cmd"), val("flags"), val("cpu_id")), Placement: Native},
	{Nr: 325, Name: "mlock2", Args: args(val("addr"), val("len"), val("flags")), Placement: Local},
	{Nr: 329, Name: "pkey_mprotect", Placement: ComeHome, Note: "protection keys"},
	{Nr: 330, Name: "pkey_alloc", Placement: ComeHome, Note: "protection keys"},
	{Nr: 331, Name: "pkey_free", Placement: ComeHome, Note: "protection keys"},
	{Nr: 440, Name: "process_madvise", Placement: ComeHome, Note: "memory of another process"},
	{Nr: 447, Name: "memfd_secret", Placement: ComeHome, Note: "memory that nobody can read"},
	{Nr: 450, Name: "set_mempolicy_home_node", Placement: ComeHome, Note: "memory policy"},
	{Nr: 453, Name: "map_shadow_stack", Placement: ComeHome, Note: "shadow stack"},
	{Nr: 462, Name: "mseal", Placement: ComeHome, Note: "sealed memory cannot be rebuilt"},
}

// mmapPlace lets private anonymous memory through whose place the kernel chooses.
func mmapPlace(args *[6]uint64) Placement {
	const looked = unix.MAP_TYPE | unix.MAP_ANONYMOUS | unix.MAP_FIXED | unix.MAP_FIXED_NOREPLACE
	if args[3]&looked == unix.MAP_PRIVATE|unix.MAP_ANONYMOUS {
		return Native
	}
	return Local
}

// madvisePlace stops the advice that reaches beyond the process's own view of its
// memory. Pages of a private file mapping that are dropped come back from the
// memory file that the guest maps in the file's place.
func madvisePlace(args *[6]uint64) Placement {
	switch uint32(args[2]) {
	case unix.MADV_REMOVE, unix.MADV_DONTNEED_LOCKED:
		return Local
	}
	return Native
}

// mempolicyPlace: what the policy of an address is, home cannot say.
func mempolicyPlace(args *[6]uint64) Placement {
	if args[4]&2 != 0 { // MPOL_F_ADDR
		return ComeHome
	}
	return Home
}
