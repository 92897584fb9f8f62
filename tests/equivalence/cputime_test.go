package equivalence

import (
	"bufio"
	"fmt"
	"os"
	"testing"
	"time"

	"umosix/tests/harness"
)

// awayLimit is how long a program that was started on another node may take to get there.
const awayLimit = 10 * time.Second

// TestCPUTimeAway lets a program that looks at its CPU time compute on one node and then
// on another: its clocks go on where they were.
func TestCPUTimeAway(t *testing.T) {
	script, err := scripts.ReadFile("testdata/cputime.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			n := harness.Start(t, harness.Cluster{Nodes: 3, User: user}).Node(1)
			lines, toProgram, _ := os.Pipe()
			fromProgram, words, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer fromProgram.Close()
			j, err := n.Start(harness.Command{Args: []string{"mosrun", "-q", "-2", "--", "/usr/bin/python3", "-c", string(script)},
				Stdin: lines, Stdout: words})
			lines.Close()
			words.Close()
			if err != nil {
				t.Fatal(err)
			}
			answers := bufio.NewScanner(fromProgram)
			for _, node := range []string{"2", "3", "2"} {
				if err := harness.Poll(awayLimit, func() error { return n.Migrate(j.Pid, node) }); err != nil {
					t.Error(err)
				}
				fmt.Fprintln(toProgram, "compute")
				if !answers.Scan() || answers.Text() != "computed" {
					t.Errorf("on node %s it says %q", node, answers.Text())
				}
			}
			toProgram.Close()
			if r := j.Wait(); !r.OK() {
				t.Errorf("%v", r)
			}
		})
	}
}
