package cage

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"umosix/tracer/abi"
)

// interpreter runs a filter outside the kernel.
type interpreter struct{ *bpf.VM }

func newVM(t *testing.T, filter []unix.SockFilter) interpreter {
	t.Helper()
	raw := make([]bpf.RawInstruction, len(filter))
	for i, f := range filter {
		raw[i] = bpf.RawInstruction{Op: f.Code, Jt: f.Jt, Jf: f.Jf, K: f.K}
	}
	program, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("filter does not disassemble")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return interpreter{vm}
}

// decide runs the filter over one call. The interpreter reads words in network
// order, so that the data are laid out in that order word by word.
func (vm interpreter) decide(t interface{ Fatal(...any) }, arch uint32, nr uint64, args ...uint64) uint32 {
	data := make([]byte, 64)
	word := func(off int, v uint32) { binary.BigEndian.PutUint32(data[off:], v) }
	word(offNr, uint32(nr))
	word(offArch, arch)
	for i, a := range args {
		word(offArgs+8*i, uint32(a))
		word(offArgs+8*i+4, uint32(a>>32))
	}
	verdict, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(verdict)
}

func program(t *testing.T, rules Rules) []unix.SockFilter {
	t.Helper()
	filter, err := Program(rules)
	if err != nil {
		t.Fatal(err)
	}
	return filter
}

// all is what a full cage has.
var all = carried{pids: true, clocks: true, wallClock: true}

func TestFilterOverAllNumbers(t *testing.T) {
	rules := rulesFor(all)
	filter := program(t, rules)
	t.Logf("%d instructions", len(filter))
	vm := newVM(t, filter)
	for nr := range uint32(1 << 12) {
		rule, known := rules[nr]
		want := trap.Val
		if known && rule.Mask == 0 && rule.Among == nil && !rule.NilOnly {
			want = allow.Val
		}
		// Arguments that no condition takes.
		got := vm.decide(t, unix.AUDIT_ARCH_X86_64, uint64(nr), 1<<40|0xfff0, 1, 0xfff0, 0xfff0)
		if got != want {
			t.Errorf("call %d: %#x instead of %#x", nr, got, want)
		}
	}
	for _, nr := range []uint64{x32Bit, x32Bit | unix.SYS_GETPID, 0xffffffff} {
		if got := vm.decide(t, unix.AUDIT_ARCH_X86_64, nr); got != foreign.Val {
			t.Errorf("call %#x: %#x, not trapped as foreign", nr, got)
		}
	}
	for _, arch := range []uint32{unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_AARCH64, 0} {
		if got := vm.decide(t, arch, unix.SYS_GETPID); got != foreign.Val {
			t.Errorf("architecture %#x: %#x, not trapped as foreign", arch, got)
		}
	}
}

func TestFilterConditions(t *testing.T) {
	const anonymous = unix.MAP_ANONYMOUS | unix.MAP_PRIVATE
	vm := newVM(t, program(t, rulesFor(all)))
	cases := []struct {
		what  string
		nr    uint64
		args  []uint64
		allow bool
	}{
		{"anonymous mapping", unix.SYS_MMAP, []uint64{0, 4096, 3, anonymous}, true},
		{"anonymous mapping without reserve", unix.SYS_MMAP, []uint64{0, 4096, 0, anonymous | unix.MAP_NORESERVE | unix.MAP_STACK}, true},
		{"file mapping", unix.SYS_MMAP, []uint64{0, 4096, 3, unix.MAP_PRIVATE}, false},
		{"fixed", unix.SYS_MMAP, []uint64{0, 4096, 3, anonymous | unix.MAP_FIXED}, false},
		{"fixed, not replacing", unix.SYS_MMAP, []uint64{0, 4096, 3, anonymous | unix.MAP_FIXED_NOREPLACE}, false},
		{"shared", unix.SYS_MMAP, []uint64{0, 4096, 3, unix.MAP_ANONYMOUS | unix.MAP_SHARED}, false},
		{"shared and validated", unix.SYS_MMAP, []uint64{0, 4096, 3, unix.MAP_ANONYMOUS | unix.MAP_SHARED_VALIDATE}, false},
		{"huge pages", unix.SYS_MMAP, []uint64{0, 4096, 3, anonymous | unix.MAP_HUGETLB}, false},
		{"growing down", unix.SYS_MMAP, []uint64{0, 4096, 3, anonymous | unix.MAP_GROWSDOWN}, false},
		{"locked", unix.SYS_MMAP, []uint64{0, 4096, 3, anonymous | unix.MAP_LOCKED}, false},
		{"huge pages wanted", unix.SYS_MADVISE, []uint64{0, 4096, unix.MADV_HUGEPAGE}, true},
		{"drop pages", unix.SYS_MADVISE, []uint64{0, 4096, unix.MADV_DONTNEED}, true},
		{"drop pages of the file", unix.SYS_MADVISE, []uint64{0, 4096, unix.MADV_REMOVE}, false},
		{"poison memory", unix.SYS_MADVISE, []uint64{0, 4096, unix.MADV_HWPOISON}, false},
		{"signal action asked", unix.SYS_RT_SIGACTION, []uint64{2, 0, 4096, 8}, true},
		{"signal action set", unix.SYS_RT_SIGACTION, []uint64{2, 4096, 0, 8}, false},
		{"signal action set, low word zero", unix.SYS_RT_SIGACTION, []uint64{2, 1 << 32, 0, 8}, false},
		{"monotonic clock", unix.SYS_CLOCK_GETTIME, []uint64{unix.CLOCK_MONOTONIC}, true},
		{"CPU time", unix.SYS_CLOCK_GETTIME, []uint64{unix.CLOCK_PROCESS_CPUTIME_ID}, false},
		{"CPU time of another", unix.SYS_CLOCK_GETTIME, []uint64{^uint64(5)}, false},
		{"sleep", unix.SYS_CLOCK_NANOSLEEP, []uint64{unix.CLOCK_MONOTONIC, 0}, false},
		{"thread pointer", unix.SYS_ARCH_PRCTL, []uint64{archSetFs, 4096}, true},
		{"CPUID faulting", unix.SYS_ARCH_PRCTL, []uint64{0x1012, 0}, false},
		{"name of a mapping", unix.SYS_PRCTL, []uint64{unix.PR_SET_VMA}, true},
		{"no_new_privs", unix.SYS_PRCTL, []uint64{unix.PR_SET_NO_NEW_PRIVS, 1}, false},
	}
	for _, c := range cases {
		want := trap.Val
		if c.allow {
			want = allow.Val
		}
		if got := vm.decide(t, unix.AUDIT_ARCH_X86_64, c.nr, c.args...); got != want {
			t.Errorf("%s: %#x instead of %#x", c.what, got, want)
		}
	}
}

// TestFilterAllowsOnlyWhatIsNative compares the filter with the table: what the
// filter lets through must be native there for just these arguments.
func TestFilterAllowsOnlyWhatIsNative(t *testing.T) {
	vm := newVM(t, program(t, rulesFor(all)))
	rapid.Check(t, func(t *rapid.T) {
		var args [6]uint64
		for i := range args {
			args[i] = rapid.OneOf(rapid.Uint64Range(0, 40), rapid.Uint64Range(0x1000, 0x1010), rapid.Uint64(),
				rapid.SampledFrom([]uint64{unix.PR_SET_VMA, unix.MAP_ANONYMOUS | unix.MAP_PRIVATE, 1 << 32, ^uint64(0)})).Draw(t, "arg")
		}
		for _, row := range abi.Rows() {
			asked := row.Nr == unix.SYS_RT_SIGACTION && args[1] == 0
			allowed := vm.decide(t, unix.AUDIT_ARCH_X86_64, row.Nr, args[:]...) == allow.Val
			if allowed && !asked && row.Place(&args) != abi.Native {
				t.Fatalf("%s%#x is let through but %v in the table", row.Name, args, row.Place(&args))
			}
		}
	})
}

func TestFilterOfPoorerCages(t *testing.T) {
	cases := []struct {
		has     carried
		nr, arg uint64
		allow   bool
	}{
		{carried{clocks: true, wallClock: true}, unix.SYS_GETPID, 0, false},
		{carried{clocks: true, wallClock: true}, unix.SYS_GETTID, 0, false},
		{carried{pids: true, wallClock: true}, unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, false},
		{carried{pids: true, clocks: true}, unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, true},
		{carried{pids: true, clocks: true}, unix.SYS_CLOCK_GETTIME, unix.CLOCK_REALTIME, false},
		{carried{pids: true, clocks: true}, unix.SYS_CLOCK_GETTIME, unix.CLOCK_PROCESS_CPUTIME_ID, false},
		{carried{pids: true, clocks: true}, unix.SYS_GETTIMEOFDAY, 0, false},
		{carried{pids: true, clocks: true}, unix.SYS_FUTEX, 0, true},
	}
	for _, c := range cases {
		want := trap.Val
		if c.allow {
			want = allow.Val
		}
		vm := newVM(t, program(t, rulesFor(c.has)))
		if got := vm.decide(t, unix.AUDIT_ARCH_X86_64, c.nr, c.arg); got != want {
			t.Errorf("call %d(%d) with %+v: %#x instead of %#x", c.nr, c.arg, c.has, got, want)
		}
		isWall := c.nr == unix.SYS_CLOCK_GETTIME && abi.IsWallClock(c.arg)
		if got := vm.decide(t, unix.AUDIT_ARCH_X86_64, c.nr, c.arg, 0, 0, 0, abi.CorrectsClock); !isWall && got != want || isWall && got != allow.Val {
			t.Errorf("call %d(%d) of the vdso with %+v: %#x", c.nr, c.arg, c.has, got)
		}
	}
	vm := newVM(t, program(t, rulesFor(carried{pids: true})))
	if got := vm.decide(t, unix.AUDIT_ARCH_X86_64, unix.SYS_FUTEX, 0, 0, 0, 4096); got != trap.Val {
		t.Errorf("a futex wait with a deadline is let through: %#x", got)
	}
}

func TestTreeWithLongBranches(t *testing.T) {
	rules := Rules{}
	for nr := uint32(0); nr < 2000; nr += 2 {
		rules[nr] = Rule{}
	}
	vm := newVM(t, program(t, rules))
	for nr := range uint32(2100) {
		want := trap.Val
		if nr%2 == 0 && nr < 2000 {
			want = allow.Val
		}
		if got := vm.decide(t, unix.AUDIT_ARCH_X86_64, uint64(nr)); got != want {
			t.Fatalf("call %d: %#x instead of %#x", nr, got, want)
		}
	}
}
