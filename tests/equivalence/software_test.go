package equivalence

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"umosix/tests/harness"
)

// software is a job of TestSoftware: a program that users know, or several that work
// together, run by a script that prints only what is the same in every run.
type software struct {
	job
	needs []string // programs beside those that the other tests need
	heavy bool     // it takes too long, or needs too large a package, for -short
}

// softwareLimit bounds one run: some take a minute where they are moved all the time.
const softwareLimit = 5 * time.Minute

// softwareJobs are sized by scale.
func softwareJobs(scale int) []software {
	const python = "/usr/bin/python3"
	n := func(base int) string { return fmt.Sprint(base * scale) }
	list := []software{
		{job: job{name: "pool", args: []string{python, "pool.py", n(1)}}},
		{job: job{name: "database", args: []string{python, "database.py", n(40)}}},
		{job: job{name: "children", args: []string{python, "children.py", n(1)}}},
		{job: job{name: "prefork", script: python + " prefork.py " + n(6)}},
		{job: job{name: "server", args: []string{"perl", "server.pl", n(10)}}},
		{job: job{name: "bash", args: []string{"bash", "job.bash", n(20)}}},
		{job: job{name: "build", args: []string{"sh", "build.sh", buildFiles(scale)}}},
		{job: job{name: "archive", args: []string{"sh", "archive.sh", n(50_000)}}, needs: []string{"zstd"}},
		{job: job{name: "history", args: []string{"sh", "history.sh", n(12)}}, needs: []string{"git"}},
		{job: job{name: "mirror", args: []string{"sh", "mirror.sh", n(20)}}, needs: []string{"rsync"}},
		{job: job{name: "compile", args: []string{"sh", "compile.sh", n(3)}}},
		{job: job{name: "crypto", args: []string{"sh", "crypto.sh", n(20_000)}}, needs: []string{"openssl"}},
		{job: job{name: "debug", args: []string{"sh", "debug.sh", "1"}}, heavy: true},
		{job: job{name: "sanitized", args: []string{"sh", "sanitized.sh", n(3000)}}, heavy: true},
		{job: job{name: "node", args: []string{"node", "worker.js", n(1)}}, needs: []string{"node"}, heavy: true},
		{job: job{name: "java", args: []string{"sh", "java.sh", n(1)}}, needs: []string{"java", "javac"}, heavy: true},
		{job: job{name: "redis", args: []string{"sh", "redis.sh", n(1500)}}, needs: []string{"redis-server", "redis-benchmark"}, heavy: true},
		{job: job{name: "nginx", args: []string{"sh", "nginx.sh", n(30)}}, needs: []string{"nginx", "curl"}, heavy: true},
		{job: job{name: "tmux", args: []string{"sh", "tmux.sh"}}, needs: []string{"tmux"}, heavy: true},
		{job: job{name: "go", args: []string{"sh", "go.sh", n(1)}}, needs: []string{"go"}, heavy: true},
	}
	for i := range list {
		j := &list[i].job
		// Their processes live short, or wait at home for each other.
		j.stays, j.limit, j.setup = true, softwareLimit, softwareFiles(scriptsOf[j.name])
	}
	return list
}

// buildFiles is the number of files of the project that is built.
func buildFiles(scale int) string {
	if scale == 1 {
		return "8"
	}
	return "50"
}

// scriptsOf are the files of testdata/software that each job has.
var scriptsOf = map[string][]string{
	"pool": {"pool.py"}, "database": {"database.py"}, "children": {"children.py"}, "prefork": {"prefork.py"},
	"server": {"server.pl"}, "bash": {"job.bash"}, "build": {"build.sh"}, "archive": {"archive.sh"},
	"history": {"history.sh"}, "mirror": {"mirror.sh"}, "compile": {"compile.sh"}, "crypto": {"crypto.sh"},
	"debug": {"debug.sh"}, "sanitized": {"sanitized.sh"}, "node": {"worker.js"}, "java": {"java.sh", "Threads.java"},
	"redis": {"redis.sh"}, "nginx": {"nginx.sh"}, "tmux": {"tmux.sh"}, "go": {"go.sh", "runtime.go"},
}

// softwareFiles makes a setup that writes files of testdata/software.
func softwareFiles(names []string) func(string) error {
	return func(dir string) error {
		for _, name := range names {
			data, err := scripts.ReadFile("testdata/software/" + name)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				return err
			}
		}
		return nil
	}
}

// missing is a program that the job needs and that is not there.
func (s software) missing() string {
	for _, program := range s.needs {
		if _, err := exec.LookPath(program); err != nil {
			return program
		}
	}
	return ""
}

// TestSoftware puts mosrun before servers, interpreters, compilers and tools of all kinds,
// and compares what they do with what they do without.
func TestSoftware(t *testing.T) {
	_, scale := sizes()
	user := -1
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		var sum summary
		t.Cleanup(func() { t.Log(&sum) })
		user++
		for i, s := range softwareJobs(scale) {
			list := softwareWorlds()
			if testing.Short() { // the users share them
				list = list[(user+i)%len(list):][:1]
			}
			t.Run(s.name, func(t *testing.T) {
				if program := s.missing(); program != "" {
					t.Skipf("%s is left out: %s is not installed (tests/scripts/packages.sh long)", s.name, program)
				}
				if s.heavy && testing.Short() {
					t.Skipf("%s is left out: it is for make test-long", s.name)
				}
				t.Parallel()
				compareJob(t, c.Node(1), s.job, list, &sum)
			})
		}
	})
}

// softwareWorlds are those that move: away, and shaken with one seed if -short.
func softwareWorlds() (list []world) {
	seeds := harness.Seeds()
	if testing.Short() {
		seeds = seeds[:1]
	}
	for _, w := range worlds(seeds) {
		if w.away || w.seed != 0 {
			list = append(list, w)
		}
	}
	return list
}
