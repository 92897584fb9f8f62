package cage

import (
	"fmt"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (linux/seccomp.h).
const (
	offNr   = 0
	offArch = 4
	offArgs = 16
)

// x32Bit marks a call of the x32 ABI in its number.
const x32Bit = 0x40000000

// The values that a trapped call carries to the executor (PTRACE_GETEVENTMSG).
const (
	TrapCall    = 0 // an ordinary call of this architecture
	TrapForeign = 1 // 32-bit or x32: the executor brings the process home
)

var (
	allow   = bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	trap    = bpf.RetConstant{Val: unix.SECCOMP_RET_TRACE | TrapCall}
	foreign = bpf.RetConstant{Val: unix.SECCOMP_RET_TRACE | TrapForeign}
)

// Program is the guest's seccomp filter for rules. Every call that has no rule is
// trapped (SECCOMP_RET_TRACE), and so is every call of a foreign architecture; no
// call kills the process, and no address is exempt. It fails only when rules make
// a program longer than the kernel's 4096 instructions.
//
// The numbers are looked up in a binary tree whose leaves end the program, so that
// a number allowed without a look at its arguments stays in the kernel's
// allow cache (kernel/seccomp.c, seccomp_cache_prepare).
func Program(rules Rules) ([]unix.SockFilter, error) {
	leaves := leavesOf(rules)
	code := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AUDIT_ARCH_X86_64, SkipTrue: 1},
		foreign,
		bpf.LoadAbsolute{Off: offNr, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32Bit, SkipTrue: 1},
		foreign,
	}
	raw, err := bpf.Assemble(append(code, tree(leaves)...))
	if err != nil {
		return nil, fmt.Errorf("assemble guest filter: %w", err)
	}
	if len(raw) > unix.BPF_MAXINSNS {
		return nil, fmt.Errorf("guest filter of %d instructions, the kernel takes %d", len(raw), unix.BPF_MAXINSNS)
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return filter, nil
}

// leaf is what happens to the numbers from first up to the next leaf's first.
type leaf struct {
	first uint32
	code  []bpf.Instruction // ends in a return on every path
}

// leavesOf turns rules into leaves in ascending order, which cover all numbers;
// neighbours with the same plain answer are one leaf.
func leavesOf(rules Rules) []leaf {
	numbers := make([]uint32, 0, len(rules))
	for nr := range rules {
		numbers = append(numbers, nr)
	}
	slices.Sort(numbers)
	leaves := []leaf{{0, []bpf.Instruction{trap}}}
	for _, nr := range numbers {
		leaves = appendLeaf(leaves, leaf{nr, rules[nr].code()})
		leaves = appendLeaf(leaves, leaf{nr + 1, []bpf.Instruction{trap}})
	}
	return leaves
}

func appendLeaf(leaves []leaf, next leaf) []leaf {
	last := &leaves[len(leaves)-1]
	if last.first == next.first {
		*last = next
	} else {
		leaves = append(leaves, next)
	}
	if n := len(leaves); n > 1 && slices.Equal(leaves[n-2].code, leaves[n-1].code) {
		return leaves[:n-1]
	}
	return leaves
}

// tree finds the leaf of the number in the accumulator by halving.
func tree(leaves []leaf) []bpf.Instruction {
	if len(leaves) == 1 {
		return leaves[0].code
	}
	middle := len(leaves) / 2
	low, high := tree(leaves[:middle]), tree(leaves[middle:])
	code := branch(leaves[middle].first, len(low))
	return append(append(code, low...), high...)
}

// branch skips the next n instructions if the accumulator is at least val.
func branch(val uint32, n int) []bpf.Instruction {
	if n <= 255 {
		return []bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: val, SkipTrue: uint8(n)}}
	}
	return []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: val, SkipFalse: 1},
		bpf.Jump{Skip: uint32(n)},
	}
}
