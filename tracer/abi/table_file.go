package abi

// The usual ends of an interrupted call on a descriptor: a socket with SO_RCVTIMEO
// or SO_SNDTIMEO ends with plain EINTR, everything else restarts.
const (
	reads  = Restarts | RawEINTR
	writes = Restarts | RawEINTR | Short
)

// fileRows are the calls on open descriptors.
var fileRows = []Row{
	{Nr: 0, Name: "read", Args: args(val("fd"), outBuf("buf", 2, 1), val("count")), Placement: Home, Interrupt: reads, MayBlock: true},
	{Nr: 1, Name: "write", Args: args(val("fd"), inBuf("buf", 2, 1), val("count")), Placement: Home, Interrupt: writes, MayBlock: true},
	{Nr: 2, Name: "open", Args: args(path("path"), val("flags"), val("mode")), Placement: Home, Interrupt: Restarts, MayBlock: true},
	{Nr: 3, Name: "close", Args: args(val("fd")), Placement: Home, Interrupt: Never},
	{Nr: 8, Name: "lseek", Args: args(val("fd"), val("offset"), val("whence")), Placement: Home},
	{Nr: 16, Name: "ioctl", Args: args(val("fd"), val("cmd"), ioctlArg3), Placement: Home, Interrupt: Restarts | RawEINTR, MayBlock: true, blocks: ioctlBlocks, Note: "a command that is not listed comes home"},
	{Nr: 17, Name: "pread64", Args: args(val("fd"), outBuf("buf", 2, 1), val("count"), val("offset")), Placement: Home, Interrupt: reads, MayBlock: true},
	{Nr: 18, Name: "pwrite64", Args: args(val("fd"), inBuf("buf", 2, 1), val("count"), val("offset")), Placement: Home, Interrupt: writes, MayBlock: true},
	{Nr: 19, Name: "readv", Args: args(val("fd"), iovOut("iov", 2), val("iovcnt")), Placement: Home, Interrupt: reads, MayBlock: true},
	{Nr: 20, Name: "writev", Args: args(val("fd"), iovIn("iov", 2), val("iovcnt")), Placement: Home, Interrupt: writes, MayBlock: true},
	{Nr: 22, Name: "pipe", Args: args(out("pipefd", 8)), Placement: Home},
	{Nr: 32, Name: "dup", Args: args(val("oldfd")), Placement: Home},
	{Nr: 33, Name: "dup2", Args: args(val("oldfd"), val("newfd")), Placement: Home},
	{Nr: 40, Name: "sendfile", Args: args(val("out_fd"), val("in_fd"), inout("offset", 8), val("count")), Placement: Home, Interrupt: writes, MayBlock: true},
	{Nr: 72, Name: "fcntl", Args: args(val("fd"), val("cmd"), fcntlArg("arg")), Placement: Home, Interrupt: Restarts, MayBlock: true, blocks: fcntlBlocks},
	{Nr: 73, Name: "flock", Args: args(val("fd"), val("operation")), Placement: Home, Interrupt: Restarts, MayBlock: true, blocks: unlessBits(1, 4)},
	{Nr: 74, Name: "fsync", Args: args(val("fd")), Placement: Home},
	{Nr: 75, Name: "fdatasync", Args: args(val("fd")), Placement: Home},
	{Nr: 77, Name: "ftruncate", Args: args(val("fd"), val("length")), Placement: Home},
	{Nr: 85, Name: "creat", Args: args(path("path"), val("mode")), Placement: Home, Interrupt: Restarts, MayBlock: true},
	{Nr: 162, Name: "sync", Placement: Home},
	{Nr: 187, Name: "readahead", Args: args(val("fd"), val("offset"), val("count")), Placement: Home},
	{Nr: 221, Name: "fadvise64", Args: args(val("fd"), val("offset"), val("len"), val("advice")), Placement: Home},
	{Nr: 257, Name: "openat", Args: args(val("dirfd"), path("path"), val("flags"), val("mode")), Placement: Home, Interrupt: Restarts, MayBlock: true},
	{Nr: 275, Name: "splice", Args: args(val("fd_in"), inout("off_in", 8), val("fd_out"), inout("off_out", 8), val("len"), val("flags")), Placement: Home, Interrupt: writes, MayBlock: true},
	{Nr: 276, Name: "tee", Args: args(val("fd_in"), val("fd_out"), val("len"), val("flags")), Placement: Home, Interrupt: Restarts | Short, MayBlock: true},
	{Nr: 277, Name: "sync_file_range", Args: args(val("fd"), val("offset"), val("nbytes"), val("flags")), Placement: Home},
	{Nr: 278, Name: "vmsplice", Placement: ComeHome, Note: "the pipe keeps the program's pages"},
	{Nr: 285, Name: "fallocate", Args: args(val("fd"), val("mode"), val("offset"), val("len")), Placement: Home, Interrupt: Restarts | RawEINTR},
	{Nr: 292, Name: "dup3", Args: args(val("oldfd"), val("newfd"), val("flags")), Placement: Home},
	{Nr: 293, Name: "pipe2", Args: args(out("pipefd", 8), val("flags")), Placement: Home},
	{Nr: 295, Name: "preadv", Args: args(val("fd"), iovOut("iov", 2), val("iovcnt"), val("pos_l"), val("pos_h")), Placement: Home, Interrupt: reads, MayBlock: true},
	{Nr: 296, Name: "pwritev", Args: args(val("fd"), iovIn("iov", 2), val("iovcnt"), val("pos_l"), val("pos_h")), Placement: Home, Interrupt: writes, MayBlock: true},
	{Nr: 306, Name: "syncfs", Args: args(val("fd")), Placement: Home},
	{Nr: 319, Name: "memfd_create", Args: args(str("name", 256), val("flags")), Placement: Home},
	{Nr: 326, Name: "copy_file_range", Args: args(val("fd_in"), inout("off_in", 8), val("fd_out"), inout("off_out", 8), val("len"), val("flags")), Placement: Home, Interrupt: Restarts | RawEINTR | Short},
	{Nr: 327, Name: "preadv2", Args: args(val("fd"), iovOut("iov", 2), val("iovcnt"), val("pos_l"), val("pos_h"), val("flags")), Placement: Home, Interrupt: reads, MayBlock: true},
	{Nr: 328, Name: "pwritev2", Args: args(val("fd"), iovIn("iov", 2), val("iovcnt"), val("pos_l"), val("pos_h"), val("flags")), Placement: Home, Interrupt: writes, MayBlock: true},
	{Nr: 436, Name: "close_range", Args: args(val("first"), val("last"), val("flags")), Placement: Home},
	{Nr: 437, Name: "openat2", Args: args(val("dirfd"), path("path"), sized("how", In, 3), val("size")), Placement: Home, Interrupt: Restarts, MayBlock: true},
	{Nr: 451, Name: "cachestat", Args: args(val("fd"), in("range", 16), out("stat", 40), val("flags")), Placement: Home},
}

var ioctlArg3 = special("arg", "by command", InOut, 1, ioctlArg)

// unlessBits makes a call wait unless one of the bits is set in argument i.
func unlessBits(i int, bits uint64) func(*[6]uint64) bool {
	return func(args *[6]uint64) bool { return args[i]&bits == 0 }
}
