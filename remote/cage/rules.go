package cage

import (
	"maps"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// Rules says per system call number what the guest may do without its executor.
type Rules map[uint32]Rule

// Rule is the condition under which a call is executed on the guest's node. The
// zero Rule is no condition: the call is allowed. A pointer argument can never be
// looked into, so a rule reads argument words alone.
type Rule struct {
	Arg     int      // argument number, 0..5
	Mask    uint32   // if not 0: the argument's low word, and'ed with it, must be Want
	Want    uint32   //
	Among   []uint32 // if not nil: the argument's low word must be one of these
	NilOnly bool     // the argument must be 0 in all its 64 bits
	// If the fifth argument's low word is Token, Vouched are let through as well.
	Token   uint32
	Vouched []uint32
}

// code decides about a call whose number is known. It ends in a return.
func (r Rule) code() []bpf.Instruction {
	low := bpf.LoadAbsolute{Off: offArgs + 8*uint32(r.Arg), Size: 4}
	switch {
	case r.Mask != 0:
		return []bpf.Instruction{low,
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: r.Mask},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: r.Want, SkipFalse: 1}, allow, trap}
	case r.Among != nil:
		return r.amongCode(low)
	case r.NilOnly:
		return []bpf.Instruction{low,
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipFalse: 3},
			bpf.LoadAbsolute{Off: low.Off + 4, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipFalse: 1}, allow, trap}
	}
	return []bpf.Instruction{allow}
}

func (r Rule) amongCode(low bpf.LoadAbsolute) []bpf.Instruction {
	var code []bpf.Instruction
	if n := len(r.Vouched); n > 0 {
		code = append(code, bpf.LoadAbsolute{Off: offArgs + 8*4, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: r.Token, SkipFalse: uint8(1 + 2*n)}, low)
		for _, v := range r.Vouched {
			code = append(code, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipFalse: 1}, allow)
		}
	}
	code = append(code, low)
	for i, v := range r.Among {
		toAllow := len(r.Among) - i
		code = append(code, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: uint8(toAllow)})
	}
	return append(code, trap, allow)
}

// conditions are those of the calls that are native for some arguments only. They
// allow what the table calls native, or less. The kernel reads all these arguments
// as 32-bit numbers, or ignores their upper words.
var conditions = Rules{
	unix.SYS_MMAP: {Arg: 3, Mask: mmapMask, Want: unix.MAP_ANONYMOUS | unix.MAP_PRIVATE},
	// What takes rights away must pass the executor, which remembers what a call may access.
	unix.SYS_MPROTECT: {Arg: 2, Mask: unix.PROT_READ | unix.PROT_WRITE, Want: unix.PROT_READ | unix.PROT_WRITE},
	// A wait that is limited by a duration must be known: its limit outlives a move.
	// The argument has other meanings in some operations; those are trapped needlessly.
	unix.SYS_FUTEX:         {Arg: 3, NilOnly: true},
	unix.SYS_MADVISE:       {Arg: 2, Among: harmlessAdvice},
	unix.SYS_CLOCK_GETTIME: {Arg: 0, Among: slices.Concat(wallClocks, steadyClocks)},
	unix.SYS_CLOCK_GETRES:  {Arg: 0, Among: slices.Concat(wallClocks, steadyClocks)},
	unix.SYS_ARCH_PRCTL:    {Arg: 0, Among: []uint32{archSetGs, archSetFs, archGetFs, archGetGs}},
	unix.SYS_PRCTL:         {Arg: 0, Among: []uint32{unix.PR_SET_VMA}},
	// What is set passes the executor, which then sets it in the guest; so the
	// guest's kernel knows the answer to a question.
	unix.SYS_RT_SIGACTION: {Arg: 1, NilOnly: true},
}

// mmapMask are the flags that decide whether a mapping is the guest's own affair:
// anonymous, private, at a place where nothing is yet, of ordinary pages.
const mmapMask = unix.MAP_TYPE | unix.MAP_ANONYMOUS | unix.MAP_FIXED | unix.MAP_FIXED_NOREPLACE |
	unix.MAP_HUGETLB | unix.MAP_GROWSDOWN | unix.MAP_LOCKED

// The operations of arch_prctl (asm/prctl.h).
const (
	archSetGs = 0x1001
	archSetFs = 0x1002
	archGetFs = 0x1003
	archGetGs = 0x1004
)

// The clocks that the node has and that do not count CPU time: those that show
// the time of day, and those that a time namespace carries on.
var (
	wallClocks   = []uint32{unix.CLOCK_REALTIME, unix.CLOCK_REALTIME_COARSE, unix.CLOCK_TAI}
	steadyClocks = []uint32{unix.CLOCK_MONOTONIC, unix.CLOCK_MONOTONIC_COARSE, unix.CLOCK_BOOTTIME, unix.CLOCK_MONOTONIC_RAW}
)

// harmlessAdvice are the advices that mean the same on the guest's node. The
// others (poisoning pages, guard regions) are the executor's to decide. Pages of a
// file that are dropped come back: the guest maps a memory file with its contents.
var harmlessAdvice = []uint32{
	unix.MADV_DONTNEED, unix.MADV_FREE, unix.MADV_HUGEPAGE, unix.MADV_NOHUGEPAGE,
	unix.MADV_NORMAL, unix.MADV_RANDOM, unix.MADV_SEQUENTIAL, unix.MADV_WILLNEED,
	unix.MADV_DONTDUMP, unix.MADV_DODUMP, unix.MADV_DONTFORK, unix.MADV_DOFORK,
	unix.MADV_WIPEONFORK, unix.MADV_KEEPONFORK, unix.MADV_MERGEABLE, unix.MADV_UNMERGEABLE,
	unix.MADV_COLD, unix.MADV_PAGEOUT, unix.MADV_POPULATE_READ, unix.MADV_POPULATE_WRITE, unix.MADV_COLLAPSE,
}

// carried says what of home the guests of a cage have natively.
type carried struct{ pids, clocks, wallClock bool }

// rulesFor are the rules of the table of system calls, without those that would
// show the guest a pid or a clock of the node.
func rulesFor(has carried) Rules {
	rules := maps.Clone(conditions)
	for _, row := range abi.Rows() {
		nr := uint32(row.Nr)
		if _, conditional := conditions[nr]; !conditional && row.Placement == abi.Native {
			rules[nr] = Rule{}
		}
	}
	if !has.pids { // what tells or takes a pid, and futexes that hold the number of a thread
		for _, nr := range []uint32{unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GET_ROBUST_LIST, unix.SYS_SET_TID_ADDRESS, unix.SYS_FUTEX} {
			delete(rules, nr)
		}
	}
	switch {
	case !has.clocks:
		delete(rules, unix.SYS_CLOCK_GETTIME)
	case !has.wallClock:
		rules[unix.SYS_CLOCK_GETTIME] = Rule{Arg: 0, Among: steadyClocks, Token: abi.CorrectsClock, Vouched: wallClocks}
	}
	if !has.wallClock {
		delete(rules, unix.SYS_GETTIMEOFDAY)
		delete(rules, unix.SYS_TIME)
	}
	if !has.clocks || !has.wallClock {
		maps.Copy(rules, endlessWaits)
	}
	return rules
}

// endlessWaits let those futex calls through that wait until no moment of a clock.
var endlessWaits = Rules{
	unix.SYS_FUTEX_WAITV: {Arg: 3, NilOnly: true},
	unix.SYS_FUTEX_WAIT:  {Arg: 4, NilOnly: true},
}

// filter is the program for the guests of this cage.
func (c *Cage) filter() ([]unix.SockFilter, error) {
	return Program(rulesFor(carried{
		pids:      c.exact.pids,
		clocks:    c.exact.clocks || !c.home.known,
		wallClock: !c.cfg.TrapWallClock,
	}))
}
