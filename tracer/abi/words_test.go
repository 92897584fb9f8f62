package abi

import (
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestPlace(t *testing.T) {
	tests := []struct {
		nr   uint64
		args [6]uint64
		want Placement
	}{
		{unix.SYS_MMAP, [6]uint64{0, 4096, 3, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS}, Native},
		{unix.SYS_MMAP, [6]uint64{0, 4096, 3, unix.MAP_SHARED | unix.MAP_ANONYMOUS}, Local},
		{unix.SYS_MMAP, [6]uint64{0, 4096, 3, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED}, Local},
		{unix.SYS_MMAP, [6]uint64{0, 4096, 3, unix.MAP_PRIVATE}, Local},
		{unix.SYS_MADVISE, [6]uint64{0, 0, unix.MADV_DONTNEED}, Native},
		{unix.SYS_MADVISE, [6]uint64{0, 0, unix.MADV_REMOVE}, Local},
		{unix.SYS_MADVISE, [6]uint64{0, 0, unix.MADV_FREE}, Native},
		{unix.SYS_PRCTL, [6]uint64{unix.PR_SET_NAME}, Local},
		{unix.SYS_PRCTL, [6]uint64{unix.PR_SET_SECCOMP}, ComeHome},
		{unix.SYS_PRCTL, [6]uint64{4711}, ComeHome},
		{unix.SYS_PRCTL, [6]uint64{unix.PR_CAPBSET_READ}, Home},
		{unix.SYS_ARCH_PRCTL, [6]uint64{0x1002}, Native},
		{unix.SYS_ARCH_PRCTL, [6]uint64{0x5001}, ComeHome},
		{unix.SYS_CLOCK_GETTIME, [6]uint64{unix.CLOCK_MONOTONIC}, Native},
		{unix.SYS_CLOCK_GETTIME, [6]uint64{unix.CLOCK_PROCESS_CPUTIME_ID}, Home},
		{unix.SYS_CLOCK_GETTIME, [6]uint64{uint64(0xffffffffffffffff) &^ 7 &^ 1}, Home},
		{unix.SYS_CLOCK_GETTIME, [6]uint64{99}, Home},
		{unix.SYS_PERSONALITY, [6]uint64{0xffffffff}, Home},
		{unix.SYS_PERSONALITY, [6]uint64{0x40000}, ComeHome},
		{unix.SYS_SETITIMER, [6]uint64{unix.ITIMER_PROF}, ComeHome},
		{unix.SYS_SETITIMER, [6]uint64{unix.ITIMER_REAL}, Home},
		{unix.SYS_RT_SIGACTION, [6]uint64{2, 0, 4096, 8}, Native},
		{unix.SYS_RT_SIGACTION, [6]uint64{2, 4096, 0, 8}, Local},
	}
	for _, test := range tests {
		if got := Lookup(test.nr).Place(&test.args); got != test.want {
			t.Errorf("%s%v is %s, not %s", Lookup(test.nr).Name, test.args, got, test.want)
		}
	}
}

func TestBlocks(t *testing.T) {
	tests := []struct {
		nr   uint64
		args [6]uint64
		want bool
	}{
		{unix.SYS_READ, [6]uint64{}, true},
		{unix.SYS_LSEEK, [6]uint64{}, false},
		{unix.SYS_FCNTL, [6]uint64{0, unix.F_GETFL}, false},
		{unix.SYS_FCNTL, [6]uint64{0, unix.F_SETLKW}, true},
		{unix.SYS_POLL, [6]uint64{0, 0, 0}, false},
		{unix.SYS_POLL, [6]uint64{0, 0, 0xffffffff}, true},
		{unix.SYS_WAIT4, [6]uint64{0, 0, unix.WNOHANG}, false},
		{unix.SYS_FLOCK, [6]uint64{0, unix.LOCK_EX}, true},
		{unix.SYS_FLOCK, [6]uint64{0, unix.LOCK_EX | unix.LOCK_NB}, false},
		{unix.SYS_IOCTL, [6]uint64{0, 0x5401}, false},
		{unix.SYS_IOCTL, [6]uint64{0, 0x5409}, true},
	}
	for _, test := range tests {
		if got := Lookup(test.nr).Blocks(&test.args); got != test.want {
			t.Errorf("%s%v blocks: %v", Lookup(test.nr).Name, test.args, got)
		}
	}
}

func TestTimeout(t *testing.T) {
	var m fake
	at := m.words(0x1000, 3, 500)
	wrong := m.words(0x2000, 3, 1e9)
	huge := m.words(0x3000, 1<<62, 0)
	tests := []struct {
		nr   uint64
		args [6]uint64
		want time.Duration
		ok   bool
	}{
		{unix.SYS_EPOLL_WAIT, [6]uint64{0, 0, 0, 250}, 250 * time.Millisecond, true},
		{unix.SYS_EPOLL_WAIT, [6]uint64{0, 0, 0, 0xffffffff}, 0, false},
		{unix.SYS_PPOLL, [6]uint64{0, 0, at}, 3*time.Second + 500, true},
		{unix.SYS_PPOLL, [6]uint64{0, 0, 0}, 0, false},
		{unix.SYS_PPOLL, [6]uint64{0, 0, wrong}, 0, false},
		{unix.SYS_PPOLL, [6]uint64{0, 0, huge}, math.MaxInt64, true},
		{unix.SYS_PPOLL, [6]uint64{0, 0, 0x9000}, 0, false},
		{unix.SYS_SELECT, [6]uint64{0, 0, 0, 0, at}, 3*time.Second + 500*time.Microsecond, true},
		{unix.SYS_FUTEX, [6]uint64{0, 128, 0, at}, 3*time.Second + 500, true},
		{unix.SYS_FUTEX, [6]uint64{0, 9, 0, at}, 0, false},
		{unix.SYS_CLOCK_NANOSLEEP, [6]uint64{1, 1, at}, 0, false},
		{unix.SYS_READ, [6]uint64{}, 0, false},
	}
	for _, test := range tests {
		row := Lookup(test.nr)
		if got, ok := row.Timeout.Read(&test.args, &m); got != test.want || ok != test.ok {
			t.Errorf("%s%v is limited to %v, %v", row.Name, test.args, got, ok)
		}
	}
}

func TestTimeoutRest(t *testing.T) {
	if arg, _ := (Timeout{Unit: Millis}).Rest(1500 * time.Microsecond); arg != 2 {
		t.Errorf("1.5 ms are %d ms", arg)
	}
	if arg, _ := (Timeout{Unit: Millis}).Rest(-time.Second); arg != 0 {
		t.Errorf("a limit in the past is %d ms", arg)
	}
	for _, limit := range []Timeout{{Unit: Timespec}, {Unit: Timeval}} {
		for _, d := range []time.Duration{0, time.Microsecond, 5 * time.Second, math.MaxInt64} {
			_, words := limit.Rest(d)
			if got, ok := limit.decode(words[:]); !ok || got != d.Truncate(time.Microsecond) && got != d {
				t.Errorf("unit %d: %v came back as %v", limit.Unit, d, got)
			}
		}
	}
}

func TestMask(t *testing.T) {
	var m fake
	set := m.words(0x1000, 1<<9)
	pair, odd := m.words(0x2000, set, 8), m.words(0x3000, set, 9)
	tests := []struct {
		nr   uint64
		args [6]uint64
		ok   bool
	}{
		{unix.SYS_PPOLL, [6]uint64{0, 0, 0, set, 8}, true},
		{unix.SYS_PPOLL, [6]uint64{0, 0, 0, 0, 8}, false},
		{unix.SYS_PPOLL, [6]uint64{0, 0, 0, set, 7}, false},
		{unix.SYS_PSELECT6, [6]uint64{0, 0, 0, 0, 0, pair}, true},
		{unix.SYS_PSELECT6, [6]uint64{0, 0, 0, 0, 0, 0}, false},
		{unix.SYS_PSELECT6, [6]uint64{0, 0, 0, 0, 0, odd}, false},
		{unix.SYS_EPOLL_PWAIT, [6]uint64{0, 0, 0, 0, set, 8}, true},
		{unix.SYS_POLL, [6]uint64{set}, false},
	}
	for _, test := range tests {
		if mask, ok := Lookup(test.nr).Mask.Read(&test.args, &m); ok != test.ok || ok && mask != 1<<9 {
			t.Errorf("call %d: mask %x, %v", test.nr, mask, ok)
		}
	}
}

func TestErrnoName(t *testing.T) {
	for ret, want := range map[int64]string{-2: "ENOENT", -512: "ERESTARTSYS", -516: "ERESTART_RESTARTBLOCK", 7: "7", -4094: "-4094"} {
		if got := errnoName(ret); got != want {
			t.Errorf("%d is %s, not %s", ret, got, want)
		}
	}
}
