package bench

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

//go:embed testdata/*.c
var sources embed.FS

// compile builds a program of testdata for all users.
func compile(b *testing.B, name string) string {
	b.Helper()
	dir := filepath.Join(harness.Base(), "bench")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	text, err := sources.ReadFile("testdata/" + name + ".c")
	if err != nil {
		b.Fatal(err)
	}
	target, err := programs.Compile(dir, name, text, "-O2", "-static", "-pthread")
	if err != nil {
		b.Fatal(err)
	}
	return target
}

// BenchmarkForwardedCall is a getppid of a guest, executed at home and answered,
// over the fastest round trip of 64 bytes that TLS can do on the same machine.
func BenchmarkForwardedCall(b *testing.B) {
	program := compile(b, "calls")
	n := start(b).Node(1)
	const trips = 20000
	base, product, ratio := paired(b,
		func() time.Duration { return fastestPingPong(b, trips) },
		func() time.Duration {
			r := n.Do(harness.Command{Args: mosrun([]string{"-2"}, []string{program, strconv.Itoa(trips)})})
			ns, err := strconv.Atoi(strings.TrimSpace(string(r.Stdout)))
			if !r.OK() || err != nil {
				b.Fatal(r)
			}
			if ns < 1000 {
				b.Fatalf("a call took %d ns: it was not forwarded", ns)
			}
			return time.Duration(ns)
		})
	report(b, "≤ 1.6", base, product, ratio)
}

// fastestPingPong tries both ends on one CPU, and on two that spin.
func fastestPingPong(b *testing.B, trips int) time.Duration {
	best := pingPong(b, 0, 0, 0, trips)
	if runtime.NumCPU() > 1 {
		best = min(best, pingPong(b, 0, 1, 200*time.Microsecond, trips))
	}
	return best
}

// BenchmarkThreads is a process with threads on another node: eight that compute, and
// two on one CPU that wake each other by a futex.
func BenchmarkThreads(b *testing.B) {
	program := compile(b, "threads")
	n := start(b).Node(1)
	for _, t := range []struct{ name, rounds, goal string }{{"compute", "60", "≤ 1.01"}, {"futex", "100", "≤ 1.02"}} {
		b.Run(t.name, func(b *testing.B) {
			args := []string{program, t.name, t.rounds}
			base, product, ratio := paired(b,
				func() time.Duration { return told(b, n, args) },
				func() time.Duration { return told(b, n, mosrun([]string{"-2"}, args)) })
			report(b, t.goal, base, product, ratio)
		})
	}
}

// BenchmarkChildren is a process on another node that forks there, and one that starts
// programs, which begin at home.
func BenchmarkChildren(b *testing.B) {
	program := compile(b, "children")
	n := start(b).Node(1)
	for _, kind := range []string{"fork", "spawn"} {
		b.Run(kind, func(b *testing.B) {
			args := []string{program, kind, "200"}
			base, product, ratio := paired(b,
				func() time.Duration { return told(b, n, args) },
				func() time.Duration { return told(b, n, mosrun([]string{"-2"}, args)) })
			report(b, "none", base, product, ratio)
		})
	}
}

// told runs a program that says how long it took.
func told(b *testing.B, n *harness.Node, args []string) time.Duration {
	b.Helper()
	r := n.Do(harness.Command{Args: args, Limit: time.Minute})
	ns, err := strconv.ParseInt(strings.TrimSpace(string(r.Stdout)), 10, 64)
	if !r.OK() || err != nil {
		b.Fatal(r)
	}
	return time.Duration(ns)
}

// migrated is the answer of `migrate --json`.
type migrated struct {
	Freeze float64 `json:"freeze_seconds"`
	Total  float64 `json:"total_seconds"`
	Bytes  uint64  `json:"bytes"`
}

// BenchmarkMove moves a process with much touched memory, against reading the same
// memory with process_vm_readv and copying it over TCP into fresh memory.
func BenchmarkMove(b *testing.B) {
	program := compile(b, "memory")
	n := start(b).Node(1)
	for _, mb := range []int{64, 1024} {
		b.Run(fmt.Sprintf("%dMiB", mb), func(b *testing.B) { benchMove(b, n, program, mb) })
	}
}

func benchMove(b *testing.B, n *harness.Node, program string, mb int) {
	guest := newMemoryGuest(b, n, program, mb)
	defer guest.end()
	var freezes []time.Duration
	base, product, ratio := paired(b,
		func() time.Duration { return rawCopy(b, guest.job.Pid, guest.address, mb<<20) },
		func() time.Duration {
			out := guest.migrate(b, n, "2")
			freezes = append(freezes, time.Duration(out.Freeze*1e9))
			guest.migrate(b, n, "home")
			return time.Duration(out.Total * 1e9)
		})
	speed := float64(mb) * 1.048576 / product.Seconds()
	b.ReportMetric(speed, "MB/s")
	b.ReportMetric(median(freezes).Seconds()*1000, "ms/freeze")
	report(b, fmt.Sprintf("≤ 2.0, here %.0f MB/s, frozen %v", speed, round(median(freezes))), base, product, ratio)
}

// memoryGuest is a running program with touched memory.
type memoryGuest struct {
	job     *harness.Job
	address uintptr
}

func newMemoryGuest(b *testing.B, n *harness.Node, program string, mb int) memoryGuest {
	b.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	job, err := n.Start(harness.Command{
		Args: mosrun(nil, []string{program, strconv.Itoa(mb), "600"}), Limit: 10 * time.Minute, Stdout: w,
	})
	if err != nil {
		b.Fatal(err)
	}
	w.Close()
	if err := r.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		b.Fatal(err)
	}
	line := make([]byte, 64)
	count, err := io.ReadAtLeast(r, line, 3)
	if err != nil {
		b.Fatalf("the program does not say where its memory is: %v", err)
	}
	address, err := strconv.ParseUint(string(bytes.TrimSpace(line[2:count])), 16, 64)
	if err != nil {
		b.Fatal(err)
	}
	return memoryGuest{job: job, address: uintptr(address)}
}

func (g memoryGuest) end() {
	if p, err := os.FindProcess(g.job.Pid); err == nil {
		_ = p.Kill()
	}
	g.job.Wait()
}

func (g memoryGuest) migrate(b *testing.B, n *harness.Node, to string) (m migrated) {
	b.Helper()
	r := n.Do(harness.Command{Args: []string{"migrate", "--json", strconv.Itoa(g.job.Pid), to}, Limit: 2 * time.Minute})
	if !r.OK() {
		b.Fatal(r)
	}
	if err := json.Unmarshal(r.Stdout, &m); err != nil {
		b.Fatalf("migrate --json: %v in %q", err, r.Stdout)
	}
	return m
}
