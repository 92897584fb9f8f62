package equivalence

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"umosix/tests/harness"
)

// TestForkAway has a shell fork while it is away: its child is away from its birth on, and
// a program that a child starts begins at home and goes to where its job was started.
func TestForkAway(t *testing.T) {
	const busy = "while :; do :; done"
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			n := harness.Start(t, harness.Cluster{Nodes: 2, User: user}).Node(1)
			j, err := n.Start(harness.Command{Args: []string{"mosrun", "-q", "-2", "--", "sh", "-c", busy + " & perl -e '1 while 1' & " + busy}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				n.Run("sh", "-c", fmt.Sprintf("kill -KILL $(ps -o pid= --ppid %d) %d", j.Pid, j.Pid))
				j.Wait()
			})
			if err := harness.Poll(awayLimit, func() error { return treeAway(n, j.Pid) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// treeAway checks where the three processes of TestForkAway are, and how they came there.
func treeAway(n *harness.Node, shell int) error {
	list, err := n.Ps()
	if err != nil {
		return err
	}
	moves := map[string]int{}
	for _, p := range list {
		what := "child"
		switch {
		case p.Pid == shell:
			what = "shell"
		case p.Command[:4] == "perl":
			what = "program"
		}
		moves[what] = p.Moves
		if p.Place() != "2" {
			return fmt.Errorf("the %s is at %s", what, p.Place())
		}
	}
	want := map[string]int{"shell": 1, "child": 0, "program": 1}
	if fmt.Sprint(moves) != fmt.Sprint(want) {
		return fmt.Errorf("moves %v, wanted %v; processes of shell %s: %+v", moves, want, strconv.Itoa(shell), list)
	}
	return nil
}

// TestExecAway has a shell that is away start programs that need rights of their own, or
// cannot be read: they have what they have natively.
func TestExecAway(t *testing.T) {
	script := "$A sh -c '" + setuid(t) + "; echo $?; " + setuid(t) + " | cat; " + unreadable(t) + "; echo $?; /; echo $?; ./none; echo $?'"
	if len(harness.Users()) < 2 {
		t.Skip("only one user")
	}
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			c := harness.Start(t, harness.Cluster{Nodes: 2, User: user})
			var s summary
			compareJob(t, c.Node(1), job{name: "rights", script: script},
				[]world{{name: "away", flags: []string{"-2"}}, {name: "shaken", flags: []string{"--shake", "20ms", "--seed", "1"}}}, &s)
		})
	}
}

// unreadable is a program that only root may read.
func unreadable(t *testing.T) string {
	t.Helper()
	path := compileData(t, "rights", "-O1")
	copied := path + ".unreadable"
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(copied, data, 0o711)
	}
	if err == nil {
		err = os.Chmod(copied, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	return copied
}
