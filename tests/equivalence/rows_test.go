package equivalence

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umosix/tests/harness"
	"umosix/tests/programs"
	"umosix/tracer/abi"
)

// sometimesForwarded are the rows that are placed elsewhere, of which some calls go
// home all the same.
var sometimesForwarded = []string{
	"arch_prctl", "clock_getres", "clock_gettime", // by their arguments
	"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", // to other processes
	"getrlimit", "setrlimit", "prlimit64", "sched_getaffinity", "sched_setaffinity", "personality", // home has the answer
}

// untested are rows without a program that forwards them, and why.
var untested = map[string]string{}

// TestEveryRowIsForwarded runs the programs about single calls away from home: each
// row of the table that is forwarded must be among the calls that mosrun reports.
func TestEveryRowIsForwarded(t *testing.T) {
	if err := os.MkdirAll(programDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	list, err := programs.Matching(programDir(), func(name string) bool { return strings.HasSuffix(name, "calls") })
	if err != nil {
		t.Fatal(err)
	}
	c := harness.Start(t, harness.Cluster{Nodes: 2, User: harness.Ordinary})
	forwarded := map[string]bool{}
	// On a machine that is very busy a program may have to begin at home.
	for range 3 {
		for _, p := range list {
			for name := range callsOf(t, c.Node(1), p) {
				forwarded[name] = true
			}
		}
		if len(missingRows(forwarded)) == 0 {
			break
		}
	}
	for _, name := range missingRows(forwarded) {
		t.Error(name)
	}
	t.Logf("%d programs forward %d rows", len(list), len(forwarded))
}

// callsOf runs a program for one round on node 2 and returns the calls that it
// forwarded, by name.
func callsOf(t *testing.T, n *harness.Node, p programs.Program) map[string]uint64 {
	t.Helper()
	dir, err := n.WorkDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(filepath.Dir(dir), filepath.Base(dir)+".report")
	r := n.Do(harness.Command{Args: []string{"mosrun", "-q", "-2", "--report=json", "--report-file", file, "--", p.Path, "1"}, Dir: dir})
	if !r.OK() {
		t.Errorf("%s: %v", p.Name, r)
	}
	report, err := readReport(file)
	if err != nil {
		t.Fatal(err)
	}
	return report.Calls
}

// missingRows says which rows should be forwarded and were not, and the reverse.
func missingRows(forwarded map[string]bool) (list []string) {
	known := maps.Clone(forwarded)
	for _, row := range abi.Rows() {
		if row.Placement != abi.Home && !slices.Contains(sometimesForwarded, row.Name) {
			continue
		}
		delete(known, row.Name)
		if !forwarded[row.Name] && untested[row.Name] == "" {
			list = append(list, fmt.Sprintf("no program forwards %s", row.Name))
		}
	}
	for name := range known {
		list = append(list, fmt.Sprintf("%s is forwarded, but not listed as such", name))
	}
	slices.Sort(list)
	return list
}
