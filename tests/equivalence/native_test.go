package equivalence

import (
	"testing"

	"umosix/tests/harness"
)

// TestNativeIsDeterministic runs every job natively twice: what differs there could
// not be compared at all.
func TestNativeIsDeterministic(t *testing.T) {
	list, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	c := harness.Start(t, harness.Cluster{Nodes: 1, User: harness.Users()[0], Bare: true})
	ms, scale := sizes()
	for _, j := range append(realJobs(scale), jobsOf(list, ms/5)...) {
		t.Run(j.name, func(t *testing.T) {
			t.Parallel()
			first, tr, err := j.run(c.Node(1), native, 0)
			if err != nil {
				t.Fatal(err)
			}
			again, _, err := j.run(c.Node(1), native, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range again.differences(first) {
				t.Error(d)
			}
			t.Logf("%v, %s, %d bytes, %d files", tr.time.Round(1e6), first.status, len(first.stdout), len(first.files))
		})
	}
}
