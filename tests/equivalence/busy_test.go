package equivalence

import (
	"runtime"
	"slices"
	"testing"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

// TestBusyMachine moves programs beside busy loops. There everybody waits for a turn now and
// then, so that moves meet what is else over before anybody can look: a call that the body
// has been given and has not made, a signal between two queues.
func TestBusyMachine(t *testing.T) {
	jobs := dynamicJobs(t, patience, func(p programs.Program) bool { return p.Timed })
	if testing.Short() {
		jobs = only(t, jobs, "partwrites", "partwaits", "overruns", "timersend", "cutshort", "trees", "stopped")
	}
	harness.KeepBusy(t, 2*runtime.NumCPU())
	compareIn(t, harness.Cluster{}, jobs, func(seeds []int64) []world {
		seeds = seeds[:min(len(seeds), busySeeds)]
		return slices.DeleteFunc(worlds(seeds), func(w world) bool { return w.seed == 0 })
	})
}

// busySeeds are enough: the loops are another at each run.
const busySeeds = 5
