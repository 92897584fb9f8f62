package equivalence

import (
	"fmt"
	"testing"

	"umosix/tests/harness"
)

// TestLooksAtOthers has two processes on another node look at each other's memory, as
// debuggers and message passing do: each sees what it would see at home.
func TestLooksAtOthers(t *testing.T) {
	j := job{name: "looks", args: []string{compileData(t, "looks", "-O1", "-D_GNU_SOURCE"), "longish"}}
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			c := harness.Start(t, harness.Cluster{Nodes: 2, User: user})
			var s summary
			var list []world
			for round := range 5 {
				list = append(list, world{name: fmt.Sprintf("away-%d", round), flags: []string{"-2"}})
			}
			compareJob(t, c.Node(1), j, list, &s)
			t.Log(&s)
		})
	}
}
