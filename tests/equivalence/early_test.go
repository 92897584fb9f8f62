package equivalence

import (
	"strconv"
	"testing"

	"umosix/tests/harness"
)

// TestEarlyAttach moves programs that are traced at home, too, from their start: each signal
// stops them there, also one that they take no notice of.
func TestEarlyAttach(t *testing.T) {
	jobs := dynamicJobs(t, 1, nil)
	if testing.Short() {
		jobs = only(t, jobs, "sentlate", "ignoredfirst", "suspended", "unblocked", "waitall", "interrupts", "cutshort", "childwaits", "stopped", "epollsignals", "sigmask")
	}
	compareIn(t, harness.Cluster{}, jobs, func(seeds []int64) (list []world) {
		for _, seed := range seeds[:min(len(seeds), busySeeds)] {
			s := strconv.FormatInt(seed, 10)
			list = append(list, world{name: "early-shaken-" + s, flags: []string{"--early-attach", "--shake", "10ms", "--seed", s}, seed: seed})
		}
		return list
	})
}
