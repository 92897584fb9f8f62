package cage

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

func TestGuestHasItsHomePid(t *testing.T) {
	c := newCage(t, Config{Weakest: LevelFull})
	for _, pid := range []abi.HomePid{4711, 2, 4194303, 300000, 1, 7} {
		in := spawn(t, c, pid)
		if got, trapped := in.try(unix.SYS_GETPID); trapped || got != int64(pid) {
			t.Errorf("guest %d has pid %d (trapped: %v)", pid, got, trapped)
		}
		if got, _ := in.try(unix.SYS_GETTID); got != int64(pid) {
			t.Errorf("guest %d has tid %d", pid, got)
		}
	}
}

func TestSpawnRefusesPidsThatCannotBe(t *testing.T) {
	c := newCage(t, Config{Weakest: LevelFull})
	spawn(t, c, 50)
	c.cfg.Tracer.Do(func() {
		for _, pid := range []abi.HomePid{50, 4194304, -3} {
			if _, err := c.Spawn(pid); !errors.Is(err, ErrPid) {
				t.Errorf("pid %d: %v, not ErrPid", pid, err)
			}
		}
	})
	in := spawn(t, c, 51) // and the cage still works
	if got, _ := in.try(unix.SYS_GETPID); got != 51 {
		t.Errorf("pid %d after refusals", got)
	}
}

// outward are calls that must never be executed on the guest's node.
var outward = map[string][]uint64{
	"open":        {unix.SYS_OPEN, 0, 0, 0},
	"openat":      {unix.SYS_OPENAT, ^uint64(99), 0, 0},
	"socket":      {unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM, 0},
	"connect":     {unix.SYS_CONNECT, 3, 0, 16},
	"mount":       {unix.SYS_MOUNT, 0, 0, 0, 0, 0},
	"kill all":    {unix.SYS_KILL, ^uint64(0), 9},
	"tgkill":      {unix.SYS_TGKILL, 1, 1, 9},
	"ptrace":      {unix.SYS_PTRACE, 16, 1},
	"unshare":     {unix.SYS_UNSHARE, unix.CLONE_NEWUSER},
	"execve":      {unix.SYS_EXECVE, 0, 0, 0},
	"fork":        {unix.SYS_FORK},
	"bpf":         {unix.SYS_BPF, 0, 0, 0},
	"io_uring":    {unix.SYS_IO_URING_SETUP, 1, 0},
	"memfd":       {unix.SYS_MEMFD_CREATE, 0, 0},
	"capset":      {unix.SYS_CAPSET, 0, 0},
	"seccomp":     {unix.SYS_SECCOMP, 1, 0, 0},
	"unknown":     {3000},
	"x32 getpid":  {x32Bit | unix.SYS_GETPID},
	"write":       {unix.SYS_WRITE, 1, 0, 0},
	"perf events": {unix.SYS_PERF_EVENT_OPEN, 0, 0, 0, 0, 0},
}

func TestOutwardCallsAreTrapped(t *testing.T) {
	for _, level := range []string{LevelFull, LevelLandlock, LevelSeccomp} {
		t.Run(level, func(t *testing.T) {
			c := newCage(t, Config{Force: level})
			if c.Level() != level {
				t.Fatalf("level %q", c.Level())
			}
			in := spawn(t, c, 77)
			for what, call := range outward {
				if ret, trapped := in.try(call[0], call[1:]...); !trapped {
					t.Errorf("%s is executed: %d", what, ret)
				}
			}
			if ret, trapped := in.try(unix.SYS_MMAP, 0, 8192, 3, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0); trapped || ret < 0 {
				t.Errorf("anonymous mmap: %d, trapped %v", ret, trapped)
			}
			if _, trapped := in.try(unix.SYS_GETPID); trapped == c.ExactPids() {
				t.Errorf("getpid trapped: %v, exact pids: %v", trapped, c.ExactPids())
			}
		})
	}
}

// TestWallsBehindTheFilter asks the other walls alone: the guest has no filter.
func TestWallsBehindTheFilter(t *testing.T) {
	c := newCage(t, Config{Weakest: LevelFull})
	var err error
	results := map[string]int64{}
	c.cfg.Tracer.Do(func() {
		var k *tracer.Task
		if k, err = c.Spawn(99); err != nil {
			return
		}
		var in *tracer.Injector
		if in, err = k.Injector(c.Insn()); err != nil {
			return
		}
		var m *tracer.Memory
		if m, err = tracer.OpenMemory(k.Tid); err != nil {
			return
		}
		defer m.Close()
		h := &hands{call: in, memory: m, scratch: c.scratch()}
		capset(h, c.keepCaps())
		path := func(name string, nr uint64, arg int, s string, args ...uint64) {
			h.reuse()
			at, _ := h.put([]byte(s + "\x00"))
			args[arg] = at
			results[name], _ = in.Call(nr, args...)
		}
		path("etc", unix.SYS_OPEN, 0, "/etc/passwd", 0, unix.O_RDONLY, 0)
		path("proc", unix.SYS_OPEN, 0, "/proc/self/mem", 0, unix.O_RDONLY, 0)
		path("root", unix.SYS_OPEN, 0, "/", 0, unix.O_RDONLY, 0)
		path("dots", unix.SYS_OPEN, 0, "../../../etc", 0, unix.O_RDONLY, 0)
		path("create", unix.SYS_OPEN, 0, "/x", 0, unix.O_CREAT|unix.O_RDWR, 0o600)
		at, _ := h.strings("proc", "/")
		results["mount"], _ = in.Call(unix.SYS_MOUNT, at[0], at[1], at[0], 0, 0)
		path("hostname", unix.SYS_SETHOSTNAME, 0, "x", 0, 1)
		results["other process"], _ = in.Call(unix.SYS_KILL, uint64(os.Getpid()), 0)
		results["unshare"], _ = in.Call(unix.SYS_UNSHARE, unix.CLONE_NEWNS)
		results["setuid"], _ = in.Call(unix.SYS_SETUID, 65534)
		results["descriptor"], _ = in.Call(unix.SYS_FCNTL, 0, unix.F_GETFD)
		results["nnp"], _ = in.Call(unix.SYS_PRCTL, unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
		err = in.End()
	})
	if err != nil {
		t.Fatal(err)
	}
	if results["nnp"] != 1 {
		t.Error("no_new_privs is not set")
	}
	delete(results, "nnp")
	for what, ret := range results {
		t.Logf("%s: %v", what, unix.Errno(-ret))
		if ret >= 0 {
			t.Errorf("%s succeeds: %d", what, ret)
		}
	}
}

func TestClocksAreHomes(t *testing.T) {
	tr := newTracer(t)
	for _, shift := range []int64{1000e9 + 5, -300e9 - 7, 1} {
		home := image.Clock{Monotonic: clockNow(unix.CLOCK_MONOTONIC) + shift, Boottime: clockNow(unix.CLOCK_BOOTTIME) + 2*shift}
		if home.Monotonic < 0 || home.Boottime < 0 {
			continue // this machine is too young
		}
		c := newCage(t, Config{Tracer: tr, Weakest: LevelFull, Home: home})
		if !c.ExactClocks() {
			t.Fatal("the clocks are not carried on")
		}
		// What passed between home's word and its use is an error that only the caller can know.
		late := clockNow(unix.CLOCK_MONOTONIC) + shift - home.Monotonic
		in := spawn(t, c, 4711)
		for clock, ahead := range map[int32]int64{unix.CLOCK_MONOTONIC: shift, unix.CLOCK_BOOTTIME: 2 * shift, unix.CLOCK_REALTIME: 0} {
			before := clockNow(clock) + ahead - late
			read := in.clock(clock)
			after := clockNow(clock) + ahead
			if read < before || read > after {
				t.Errorf("clock %d is at %d, not between %d and %d", clock, read, before, after)
			}
		}
	}
}

func TestCloseLeavesNoProcess(t *testing.T) {
	for _, level := range []string{LevelFull, LevelLandlock} {
		c := newCage(t, Config{Force: level})
		pids := []abi.LocalPid{c.First()}
		for pid := range abi.HomePid(20) {
			pids = append(pids, spawn(t, c, 100+pid).guest.Tid)
		}
		began := time.Now()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: closed in %v", level, time.Since(began))
		for _, pid := range pids {
			if err := unix.Kill(int(pid), 0); err != unix.ESRCH {
				t.Errorf("%s: process %d after Close: %v", level, pid, err)
			}
		}
	}
}

func TestCloseAfterTheTracer(t *testing.T) {
	tr, err := tracer.New()
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Tracer: tr, Weakest: AnyLevel})
	if err != nil {
		t.Fatal(err)
	}
	tr.Close()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := unix.Kill(int(c.First()), 0); err != unix.ESRCH {
		t.Errorf("first process after Close: %v", err)
	}
}

func TestWeakerCageIsRefused(t *testing.T) {
	if _, err := New(Config{Tracer: newTracer(t), Weakest: LevelFull, Force: LevelSeccomp}); err == nil {
		t.Fatal("a seccomp cage is built where the full one is asked for")
	} else {
		t.Log(err)
	}
}

func TestGuestsAreLabelled(t *testing.T) {
	c := newCage(t, Config{Label: "guest of node 1"})
	in := spawn(t, c, 4711)
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", in.guest.Tid))
	if err != nil || string(comm) != guestName+"\n" {
		t.Errorf("comm %q, %v", comm, err)
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", in.guest.Tid))
	if err != nil || !strings.Contains(string(line), "guest of node 1") {
		t.Errorf("command line %q, %v", line, err)
	}
}

// TestLimitsOfGuests reads what guests inherit and never see.
func TestLimitsOfGuests(t *testing.T) {
	c := newCage(t, Config{})
	in := spawn(t, c, 4711)
	if score := setting(fmt.Sprintf("/proc/%d/oom_score_adj", in.guest.Tid)); score != "1000" {
		t.Errorf("oom_score_adj %s", score)
	}
	var core unix.Rlimit
	if err := unix.Prlimit(int(in.guest.Tid), unix.RLIMIT_CORE, nil, &core); err != nil || core != (unix.Rlimit{}) {
		t.Errorf("limit of core files %v, %v", core, err)
	}
}

// TestSealedGuestChoosesPids lets a sealed guest clone with a number of the
// executor's choice, which takes the one capability that Seal leaves.
func TestSealedGuestChoosesPids(t *testing.T) {
	c := newCage(t, Config{Weakest: LevelFull})
	in := spawn(t, c, 4711)
	at := c.scratch()
	var child *tracer.Task
	var errno int64
	var err error
	c.cfg.Tracer.Do(func() {
		var m *tracer.Memory
		if m, err = tracer.OpenMemory(in.guest.Tid); err != nil {
			return
		}
		defer m.Close()
		args := cloneArgs(at, []abi.HomePid{4800})
		const thread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM
		copy(args, words(thread, 0, 0, 0, 0))
		if _, err = m.WriteAt(args, at); err != nil {
			return
		}
		var injector *tracer.Injector
		if injector, err = in.guest.Injector(c.Insn()); err != nil {
			return
		}
		if child, errno, err = injector.Clone(unix.SYS_CLONE3, uint64(at), cloneArgsSize); err == nil {
			err = injector.End()
		}
	})
	if err != nil || child == nil {
		t.Fatalf("no thread 4800: %v, %v", unix.Errno(-errno), err)
	}
	if _, trapped := in.try(unix.SYS_CAPSET, 0, 0); !trapped {
		t.Error("capset is not trapped")
	}
	if caps := fields(fmt.Sprintf("/proc/%d/status", in.guest.Tid), ":")["CapPrm"]; caps != fmt.Sprintf("%016x", uint64(1)<<unix.CAP_CHECKPOINT_RESTORE) {
		t.Errorf("capabilities %s", caps)
	}
}

func TestForeignCallsAreMarked(t *testing.T) {
	c := newCage(t, Config{})
	in := spawn(t, c, 4711)
	if _, trapped := in.try(x32Bit | unix.SYS_GETPID); !trapped || in.message != TrapForeign {
		t.Errorf("x32 call: trapped %v, message %d", trapped, in.message)
	}
	if _, trapped := in.try(unix.SYS_GETPPID); !trapped || in.message != TrapCall {
		t.Errorf("ordinary call: trapped %v, message %d", trapped, in.message)
	}
	m, err := tracer.OpenMemory(in.guest.Tid)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	in.insn = tracer.SeedInsn.PageDown() + 0x200
	if _, err := m.ForceWrite([]byte{0xcd, 0x80, 0x0f, 0x0b}, in.insn); err != nil { // int $0x80
		t.Fatal(err)
	}
	if _, trapped := in.try(20); !trapped || in.message != TrapForeign {
		t.Errorf("32-bit call: trapped %v, message %d", trapped, in.message)
	}
}

func BenchmarkNewAndClose(b *testing.B) {
	tr, err := tracer.New()
	if err != nil {
		b.Fatal(err)
	}
	defer tr.Close()
	now := image.Clock{Monotonic: 1e12, Boottime: 1e12}
	for b.Loop() {
		c, err := New(Config{Tracer: tr, Weakest: LevelFull, Home: now})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpawnAndSeal(b *testing.B) {
	tr, err := tracer.New()
	if err != nil {
		b.Fatal(err)
	}
	defer tr.Close()
	c, err := New(Config{Tracer: tr, Weakest: LevelFull})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	pid := abi.HomePid(1000)
	for b.Loop() {
		tr.Do(func() {
			in := &inside{cage: c}
			if in.guest, err = c.Spawn(pid); err == nil {
				err = in.seal()
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		pid++
	}
}
