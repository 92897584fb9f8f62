package equivalence

import (
	"slices"
	"strconv"
	"testing"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

// TestEarlyAttach moves programs that are traced at home, too, from their start: each signal
// stops them there, also one that they take no notice of.
func TestEarlyAttach(t *testing.T) {
	list, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(slices.Clone(list), func(p programs.Program) bool { return p.Build != programs.Dynamic })
	ms, _ := sizes()
	jobs := jobsOf(list, ms)
	if testing.Short() {
		jobs = only(jobs, "sentlate", "ignoredfirst", "suspended", "unblocked", "waitall", "cutshort", "childwaits", "stopped", "epollsignals", "sigmask", "interrupts")
	}
	compareIn(t, harness.Cluster{}, jobs, func(seeds []int64) (list []world) {
		for _, seed := range seeds[:min(len(seeds), busySeeds)] {
			s := strconv.FormatInt(seed, 10)
			list = append(list, world{name: "early-shaken-" + s, flags: []string{"--early-attach", "--shake", "10ms", "--seed", s}, seed: seed})
		}
		return list
	})
}
