package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

// TestKilledTrees kills processes, deputies and executors of jobs whose processes fork,
// start programs and move: nothing is left of them, on any node.
func TestKilledTrees(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 12
	}
	dir := filepath.Join(harness.Base(), "programs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	list, err := programs.Named(dir, "trees", "spawns")
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			c := harness.Start(t, harness.Cluster{Nodes: 3, Kind: bestKind(), User: user, Share: []string{dir}})
			random := rand.New(rand.NewPCG(uint64(harness.Seed()), 0))
			t.Logf("seed %d, %d rounds", harness.Seed(), rounds)
			for i := range rounds {
				program := list[[]string{"trees", "spawns"}[i%2]].Path
				if err := killTree(c, random, program, i); err != nil {
					t.Fatalf("round %d: %v", i, err)
				}
			}
			if err := (&round{nodes: c}).clean(); err != nil {
				t.Error(err)
			}
		})
	}
}

// killTree starts a job, kills something of it at a random moment, and then its first
// process, without which the others end soon.
func killTree(c *harness.Nodes, random *rand.Rand, program string, i int) error {
	const long = 60_000 // ms
	n := c.Node(home)
	dir, err := n.WorkDir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"mosrun", "-q", "-2", "--"}
	if random.IntN(2) == 0 {
		args = []string{"mosrun", "-q", "--shake", "10ms", "--seed", strconv.Itoa(i + 1), "--"}
	}
	j, err := n.Start(harness.Command{Args: append(args, program, strconv.Itoa(long)), Dir: dir, Limit: runLimit})
	if err != nil {
		return err
	}
	time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond) // the moment itself, nothing waits for it
	if err := killSome(n, c, random); err != nil {
		return err
	}
	n.Run("kill", "-KILL", strconv.Itoa(j.Pid)) // it may have ended
	j.Wait()
	return nil
}

// killSome kills one process of the jobs at home, or one of their deputies or executors.
func killSome(n *harness.Node, c *harness.Nodes, random *rand.Rand) error {
	at, signal := n, []string{"-KILL", "-TERM", "-SEGV"}[random.IntN(3)]
	var among []int
	switch random.IntN(4) {
	case 0:
		among, signal = n.Pids(harness.Deputy), "-KILL"
	case 1:
		at = c.Node(2)
		among, signal = at.Pids(harness.Executor), "-KILL"
	default:
		list, err := n.Ps()
		if err != nil {
			return fmt.Errorf("processes: %w", err)
		}
		for _, p := range list {
			among = append(among, p.Pid)
		}
	}
	slices.Sort(among)
	if len(among) > 0 {
		at.Run("kill", signal, strconv.Itoa(among[random.IntN(len(among))])) // it may have ended
	}
	return nil
}
