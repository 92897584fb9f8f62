package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umosix/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// at home: what mosrun costs a job that never moves.
var homeJobs = []struct {
	name  string
	args  []string
	goals map[string]string
}{
	{"flac", []string{"flac", "-8", "-s", "-f", "-o", "out.flac", "in.wav"}, map[string]string{"late": "1.00", "early": "1.00"}},
	{"dd", []string{"dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=1000000", "status=none"}, map[string]string{"late": "1.00", "early": "1.02"}},
	{"forks", []string{"sh", "-c", "i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i+1)); done"}, map[string]string{"late": "1.00", "early": "1.25"}},
}

var attach = []struct {
	name  string
	flags []string
}{{"late", nil}, {"early", []string{"--early-attach"}}}

func start(b *testing.B) *harness.Nodes {
	return harness.Start(b, harness.Cluster{Nodes: 2, User: harness.Users()[0]})
}

// timed runs a command line on node 1 and returns its time.
func timed(b *testing.B, n *harness.Node, dir string, args ...string) time.Duration {
	b.Helper()
	r := n.Do(harness.Command{Args: args, Dir: dir, Limit: 5 * time.Minute})
	if !r.OK() {
		b.Fatal(r)
	}
	return r.Time
}

func mosrun(flags, args []string) []string {
	return append(append(append([]string{"mosrun", "-q"}, flags...), "--"), args...)
}

func BenchmarkHome(b *testing.B) {
	n := start(b).Node(1)
	dir, err := n.WorkDir()
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "in.wav"), sound(600), 0o644); err != nil {
		b.Fatal(err)
	}
	for _, j := range homeJobs {
		for _, a := range attach {
			b.Run(j.name+"/"+a.name, func(b *testing.B) {
				base, product, ratio := paired(b,
					func() time.Duration { return timed(b, n, dir, j.args...) },
					func() time.Duration { return timed(b, n, dir, mosrun(a.flags, j.args)...) })
				report(b, j.goals[a.name], base, product, ratio)
			})
		}
	}
}

// BenchmarkStart is what `mosrun true` costs over `true`.
func BenchmarkStart(b *testing.B) {
	n := start(b).Node(1)
	for _, a := range attach {
		b.Run(a.name, func(b *testing.B) {
			base, product, ratio := paired(b,
				func() time.Duration { return timed(b, n, n.Home(), repeated("true")...) },
				func() time.Duration {
					return timed(b, n, n.Home(), repeated(strings.Join(mosrun(a.flags, []string{"true"}), " "))...)
				})
			cost := (product - base) / starts
			b.ReportMetric(float64(cost.Microseconds())/1000, "ms/start")
			report(b, fmt.Sprintf("≤ %s more, here %v", map[string]string{"late": "5 ms", "early": "15 ms"}[a.name], round(cost)), base, product, ratio)
		})
	}
}

// starts is how many programs one measurement starts.
const starts = 20

// repeated is a shell that runs an external command so often.
func repeated(command string) []string {
	return []string{"sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do /usr/bin/env %s; i=$((i+1)); done", starts, command)}
}

// sound is a WAV file of some seconds: one channel of a slow sweep with noise.
func sound(seconds int) []byte {
	const rate = 44100
	size := 2 * rate * seconds
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x44\xac\x00\x00\x88\x58\x01\x00\x02\x00\x10\x00data\x00\x00\x00\x00")
	put := func(at, v int) {
		for i := range 4 {
			b[at+i] = byte(v >> (8 * i))
		}
	}
	put(4, size+36)
	put(40, size)
	x := uint32(1)
	for i := range rate * seconds {
		x = x*1664525 + 1013904223
		v := (i*(i>>12))%20000 - 10000 + int(x>>22)
		b = append(b, byte(v), byte(v>>8))
	}
	return b
}
