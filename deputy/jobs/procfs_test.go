package jobs

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

func TestParseStat(t *testing.T) {
	const line = "42 (a) b (c) R 7 1 1 0 -1 4194304 1 2 3 4 150 50 0 0 20 0 3 0 987654 1000 25 18446744073709551615 0 0\n"
	got, err := parseStat([]byte(line))
	want := stat{ppid: 7, state: 'R', start: 987654, cpu: 2 * time.Second, threads: 3, rss: 25 * uint64(os.Getpagesize())}
	if err != nil || got != want {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "42", "42 (a) R 7"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestOwnProcess(t *testing.T) {
	pid, _ := program(t, waiting)
	if !slices.Contains(children(os.Getpid()), pid) {
		t.Errorf("%d is not among the children", pid)
	}
	owner, err := readOwner(pid)
	if err != nil || owner.Uid != os.Getuid() || owner.Gid != os.Getgid() {
		t.Errorf("owner %+v %v", owner, err)
	}
	if !alive(pid, startOf(pid)) || alive(pid, startOf(pid)+1) {
		t.Error("alive is wrong")
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (a) R 7 1 1 0 -1 4194304 1 2 3 4 150 50 0 0 20 0 3 0 987654 1000 25 0"))
	f.Fuzz(func(t *testing.T, text []byte) { parseStat(text) })
}
