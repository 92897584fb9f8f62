package equivalence

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"umosix/tests/harness"
	"umosix/tracer"
	"umosix/tracer/abi"
)

// TestOtherProcessors moves programs that choose processors, and look where they run, to
// nodes that lack some of those at home: they see no other than they have chosen.
func TestOtherProcessors(t *testing.T) {
	if all, err := tracer.AllCPUs(); err != nil || (abi.CPUSet{3}).And(all).Within(abi.CPUSet{1}) {
		t.Skipf("this machine has no second processor (%v): no node can lack one", err)
	}
	if _, err := compiled(); err != nil {
		t.Fatal(err)
	}
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			c := harness.Start(t, harness.Cluster{Nodes: 3, User: user})
			limit(t, c.Node(2), abi.CPUSet{2})
			limit(t, c.Node(3), abi.CPUSet{1})
			var s summary
			for _, name := range []string{"affinity", "rseq"} {
				j := job{name: name, args: []string{filepath.Join(programDir(), name), "300"}}
				list := []world{{name: "away", flags: []string{"-2"}}}
				for seed := 1; seed <= 3; seed++ {
					list = append(list, world{name: fmt.Sprintf("shaken-%d", seed), flags: []string{"--shake=20ms", fmt.Sprintf("--seed=%d", seed)}})
				}
				compareJob(t, c.Node(1), j, list, &s)
			}
			t.Log(&s)
		})
	}
}

// limit binds the daemon of a node, and so its executors, to some processors.
func limit(t *testing.T, n *harness.Node, cpus abi.CPUSet) {
	t.Helper()
	pid := n.Pids(harness.Mosd)[0]
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err == nil {
			err = tracer.SetAffinity(abi.LocalPid(tid), cpus)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
