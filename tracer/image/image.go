// Package image is what a process is while it is nowhere: every piece of its
// state that travels in a move, split by kernel object, in msgpack.
package image

import "umosix/tracer/abi"

// Version is the version of the image format. A reader refuses any other.
const Version = 1

// Image is a process without the contents of its memory, which follow it as
// batches of pages.
type Image struct {
	Version  int
	Process  Process
	Tasks    []Task // the leader first
	Mappings []Mapping
	Files    []File
	Signals  Signals
	Limits   []Limit
	Guards   []Run // guard pages (madvise MADV_GUARD_INSTALL) inside the mappings
}

// Process is the state that all tasks of a process share.
type Process struct {
	Pid         abi.HomePid
	Uid         uint32 // the real user id at home
	Comm        string // prctl(PR_GET_NAME) of the leader
	Personality uint64
	Barriers    uint64 // the commands that have registered it (man membarrier)
	Layout      Layout
	Auxv        []byte
	Vdso        Vdso
	Window      [2]abi.Addr // the range reserved for our own pages, start and end, same at home and at the guest
	CPU         CPU
	Clock       Clock
	CPUs        abi.CPUSet // all that a program of home may choose from
	Away        CPUTime    // used in the stays away, also by tasks that have ended
}

// Layout is struct prctl_mm_map of the process (man prctl, PR_SET_MM_MAP),
// without auxv and exe_fd.
type Layout struct {
	StartCode, EndCode, StartData, EndData abi.Addr
	StartBrk, Brk, StartStack              abi.Addr
	ArgStart, ArgEnd, EnvStart, EnvEnd     abi.Addr
}

// Vdso says where the kernel's own pages were, and which code they held.
type Vdso struct {
	Start abi.Addr // start of [vvar] (the whole block starts here); 0 if the process has none
	Code  abi.Addr // start of [vdso]
	End   abi.Addr
	Hash  [32]byte // BLAKE3 of the [vdso] pages
	Bytes []byte   // the [vdso] pages, for nodes whose own differ
}

// CPU is what the program may have learnt of its processor.
type CPU struct {
	XCR0     uint64   // XSAVE state components enabled by the kernel
	XsaveLen uint32   // size of the XSAVE area
	Features []uint32 // cpuid words that the kernel shows (AT_HWCAP, AT_HWCAP2 and leaf words), compared bit by bit
}

// Clock is the state of home's clocks when the image was made, in nanoseconds.
type Clock struct {
	Monotonic, Boottime int64
	Realtime            int64 // as the process was told it, or a little later
}

// Task is one thread.
type Task struct {
	Tid        abi.HomePid
	Regs       []byte // struct user_regs_struct
	Xstate     []byte // NT_X86_XSTATE, standard layout
	SigMask    uint64
	AltStack   AltStack
	CPUs       abi.CPUSet // on which home lets it run
	Rseq       Rseq
	RobustHead abi.Addr
	RobustLen  uint64
	ClearTid   abi.Addr
	Pending    [][]byte // siginfo_t of signals pending for this task, in order
	Comm       string
	Call       PendingCall
	Away       CPUTime // that the task has used in its stays away
}

// PendingCall is a system call that a task was blocked in when it was stopped
// and that goes on at home. Nr is negative if there is none.
type PendingCall struct {
	Nr    int64
	Args  [6]uint64
	Until int64 // of a futex wait: home's monotonic clock when its limit is over, in nanoseconds
}

// AltStack is stack_t (man sigaltstack).
type AltStack struct {
	Sp    abi.Addr
	Flags int32
	Size  uint64
}

// Rseq is a task's registration of restartable sequences; Addr is 0 if none.
type Rseq struct {
	Addr abi.Addr
	Size uint32
	Sig  uint32
}

// Mapping is one range of the address space. Ranges are ascending and do not
// overlap. The kernel's own ([vvar], [vdso], [vsyscall]) and our window are not among them.
type Mapping struct {
	Start, End abi.Addr
	Prot       uint32 // PROT_*
	Flags      uint32 // MAP_PRIVATE or MAP_SHARED, MAP_GROWSDOWN, MAP_NORESERVE, MAP_HUGETLB, MAP_ANONYMOUS
	Advice     uint32 // bit set of Advice*
	File       int    // index into Files, or -1
	Offset     uint64 // bytes into the file
	Name       string // of an anonymous mapping: "[heap]", "[stack]", "[anon:...]"
}

// The madvise settings of a mapping (VmFlags of /proc/PID/smaps).
const (
	AdviceDontFork uint32 = 1 << iota
	AdviceDontDump
	AdviceWipeOnFork
	AdviceHugepage
	AdviceNoHugepage
	AdviceMergeable
	AdviceSequential
	AdviceRandom
	AdviceLocked      // mlock
	AdviceLockOnFault // mlock2 with MLOCK_ONFAULT; comes with AdviceLocked
)

// File is a file at home that is mapped. Its identity is home's.
type File struct {
	Path     string
	Dev, Ino uint64
	Size     int64
	MtimeNs  int64
	Own      bool // the process has it to itself: its mappings are shared, and their pages travel
}

// Signals is the signal state of the whole process.
type Signals struct {
	Actions [65][]byte // kernel struct sigaction of signal n; nil is the default action
	Pending [][]byte   // siginfo_t of signals pending for the process, in order
	AtHome  uint64     // the signals that a signalfd reads: they stay pending at home
}

// Limit is one resource limit.
type Limit struct {
	Resource   int
	Soft, Hard uint64
}
