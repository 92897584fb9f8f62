package equivalence

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

func TestMain(m *testing.M) {
	// Most runs wait for something; more of them than processors is right.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	harness.Main(m)
}

// sizes of jobs: milliseconds for programs, and the scale of real ones.
func sizes() (ms, scale int) {
	if testing.Short() {
		return 300, 1
	}
	return 500, 2
}

// compiled builds the programs once for all tests of the package.
var compiled = sync.OnceValues(func() ([]programs.Program, error) {
	if err := os.MkdirAll(programDir(), 0o755); err != nil {
		return nil, err
	}
	return programs.All(programDir())
})

func programDir() string { return filepath.Join(harness.Base(), "programs") }

func TestPrograms(t *testing.T) {
	list, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	ms, _ := sizes()
	compare(t, harness.Loopback, jobsOf(list, ms))
}

func TestRealPrograms(t *testing.T) {
	_, scale := sizes()
	compare(t, harness.Loopback, realJobs(scale))
}

// TestBetweenMachines runs everything in namespaced nodes, where the guest's
// machine has another name, other processes and other files.
func TestBetweenMachines(t *testing.T) {
	list, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	const ms = 600 // nodes like these move more slowly
	_, scale := sizes()
	jobs := append(realJobs(scale), jobsOf(list, ms)...)
	if testing.Short() {
		jobs = only(t, jobs, "awk", "gzip", "substitution", "python", "sqlite", "pipeline", "identity", "self", "names", "environ", "sleep", "restart", "sigself", "segv")
		for i := range jobs {
			jobs[i].short = true
		}
	}
	compare(t, harness.Namespaced, jobs)
}

// TestWeakCages runs all programs on nodes one of which has no namespaces for its guests.
func TestWeakCages(t *testing.T) {
	jobs := dynamicJobs(t, 1, nil)
	if testing.Short() { // every second one
		jobs = shareOf(jobs, 0, 2)
	}
	for i := range jobs {
		jobs[i].once = true
	}
	compareIn(t, harness.Cluster{WeakCages: []int{2}}, jobs, func(seeds []int64) []world {
		if testing.Short() {
			seeds = seeds[:1]
		}
		shaken := slices.DeleteFunc(worlds(seeds), func(w world) bool { return w.seed == 0 })
		return append(shaken, world{name: "weak", flags: []string{"-2"}}) // processes with threads come home
	})
}

// dynamicJobs are jobs of the programs that are linked as most are, but for some, which go on
// for so many times as long as others.
func dynamicJobs(t *testing.T, times int, but func(programs.Program) bool) []job {
	list, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(slices.Clone(list), func(p programs.Program) bool {
		return p.Build != programs.Dynamic || but != nil && but(p)
	})
	ms, _ := sizes()
	return jobsOf(list, times*ms)
}

// only chooses jobs by their names, which must be there.
func only(t *testing.T, jobs []job, names ...string) (chosen []job) {
	for _, name := range names {
		before := len(chosen)
		for _, j := range jobs {
			if j.name == name {
				chosen = append(chosen, j)
			}
		}
		if len(chosen) == before {
			t.Fatalf("there is no job %q", name)
		}
	}
	return chosen
}

// compare runs the jobs in all worlds, for every user, on a cluster of three nodes.
func compare(t *testing.T, kind harness.Kind, jobs []job) {
	compareIn(t, harness.Cluster{Kind: kind}, jobs, worlds)
}

// compareIn is compare in some worlds, on three nodes that are otherwise as value says.
func compareIn(t *testing.T, value harness.Cluster, jobs []job, worlds func(seeds []int64) []world) {
	kind, seeds := value.Kind, harness.Seeds()
	users := harness.Users()
	for i, user := range users {
		t.Run(user.String(), func(t *testing.T) {
			if err := os.MkdirAll(programDir(), 0o755); err != nil {
				t.Fatal(err)
			}
			value.Nodes, value.User, value.Share, value.Clocks = 3, user, []string{programDir()}, clocks
			c := harness.Start(t, value)
			var s summary
			t.Cleanup(func() {
				t.Logf("%v nodes, user %v, seeds %v\n%s", kind, user, seeds, &s)
				if len(value.WeakCages) == 0 && s.away > 10 && s.still*10 > s.away {
					t.Errorf("%d of %d jobs ended before they were moved: %v", s.still, s.away, s.names)
				}
			})
			for number, j := range jobs {
				if j.input == programs.Tty && kind == harness.Namespaced {
					continue // the terminal would be of another machine than the job
				}
				these := seeds
				switch {
				case testing.Short() && j.short:
					these = seeds[:1]
				case testing.Short():
					these = shareOf(seeds, i, len(users))
				}
				if testing.Short() && j.once && user != users[len(users)-1] {
					continue
				}
				list := worlds(these)
				switch {
				case testing.Short() && j.short && !j.once:
					list = shareOf(list, (i+number)%len(users), len(users))
				case testing.Short():
					list = worldsOf(list, i, len(users))
				}
				t.Run(j.name, func(t *testing.T) {
					t.Parallel()
					compareJob(t, c.Node(1), j, list, &s)
				})
			}
		})
	}
}

// shareOf is every n-th of a list, from the i-th on.
func shareOf[T any](list []T, i, n int) (share []T) {
	for ; i < len(list); i += n {
		share = append(share, list[i])
	}
	return share
}

// worldsOf is what the i-th of n users has of the worlds: all that are away or shaken, and
// each n-th of the others.
func worldsOf(list []world, i, n int) (share []world) {
	for number, w := range list {
		if w.away || w.seed != 0 || number%n == i {
			share = append(share, w)
		}
	}
	return share
}

// patience is how many times as long a program goes on from then on that has ended before it
// was moved. One that checks how late it is does not, beside other jobs on a busy machine:
// TestWaitsEndOnTime runs alone.
const patience = 2

// compareJob runs one job natively and in every world.
func compareJob(t *testing.T, n *harness.Node, j job, list []world, s *summary) {
	want, tr, err := j.run(n, native, 0)
	if err != nil {
		t.Fatalf("natively: %v", err)
	}
	for _, w := range list {
		t.Run(w.name, func(t *testing.T) {
			same, moved := compareRun(t, n, j, w, want, tr.time)
			if moved.moves == 0 && j.ms > 0 && !j.timed && j.hasToMove(w) && !w.away {
				j = j.longer(patience) // in other worlds, too
				if want, tr, err = j.run(n, native, 0); err != nil {
					t.Fatalf("natively: %v", err)
				}
				same, moved = compareRun(t, n, j, w, want, tr.time)
			}
			s.add(j, w, same, moved)
		})
	}
}

// compareRun runs a job in a world and compares it with what it was natively, and how long that took.
func compareRun(t *testing.T, n *harness.Node, j job, w world, want outcome, native time.Duration) (same bool, moved trace) {
	got, moved, err := j.run(n, w, native)
	if err != nil {
		t.Fatal(err)
	}
	different := got.differences(want)
	if e := expectationOf(j, w); e != nil {
		different = e.unmet(got, moved, different)
	} else if !j.stays && (w.away && moved.moves == 0 && w.reports(j) || moved.note != "") {
		t.Errorf("it was not where it should be, after %d moves: %s", moved.moves, moved.note)
	}
	for _, d := range different {
		t.Error(d)
	}
	return len(different) == 0, moved
}

// summary counts what has been compared.
type summary struct {
	sync.Mutex
	runs, same, moves int
	away, still       int // runs that had to move, and those that ended before
	worlds            map[string]int
	names             []string // of those that ended before
}

func (s *summary) add(j job, w world, same bool, tr trace) {
	s.Lock()
	defer s.Unlock()
	if s.worlds == nil {
		s.worlds = map[string]int{}
	}
	s.runs++
	s.moves += tr.moves
	if same {
		s.same++
		s.worlds[w.name]++
	}
	if j.hasToMove(w) {
		s.away++
		if tr.moves == 0 {
			s.still++
			s.names = append(s.names, j.name+" "+w.name)
		}
	}
}

func (s *summary) String() string {
	s.Lock()
	defer s.Unlock()
	var names []string
	for name, n := range s.worlds {
		names = append(names, fmt.Sprintf("%s %d", name, n))
	}
	sort.Strings(names)
	return fmt.Sprintf("compared output, status and files of %d runs with native ones: %d the same (%s); %d moves",
		s.runs, s.same, strings.Join(names, ", "), s.moves)
}
