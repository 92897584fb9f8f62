package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

func TestMain(m *testing.M) { harness.Main(m) }

// victims are the programs of the jobs: they compute, print, wait and use files.
// The last ones look at the clock, too: the time of a cut link they must notice.
var victims = []string{"cpu", "outputs", "files", "condvars", "blockers", "sleep", "sigwait", "itimer"}

// patient is how many of them do not mind waiting for a link.
const patient = 4

// TestFaults plays rounds for every user: 20 of each with -short, else 200.
func TestFaults(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	dir := filepath.Join(harness.Base(), "programs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	list, err := programs.Named(dir, victims...)
	if err != nil {
		t.Fatal(err)
	}
	kind := harness.Loopback
	if len(harness.Users()) > 1 {
		kind = harness.Namespaced
	}
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			c := harness.Start(t, harness.Cluster{Kind: kind, User: user, Share: []string{dir}})
			play(t, c, list, possible(kind), rounds)
		})
	}
}

// possible are the faults that a kind of nodes can have.
func possible(kind harness.Kind) (list []fault) {
	for _, f := range faults {
		if !f.cable || kind == harness.Namespaced {
			list = append(list, f)
		}
	}
	return list
}

// roundMs is the native time of a job, longer than the latest moment of a fault.
const roundMs = 1000

func play(t *testing.T, c *harness.Nodes, list map[string]programs.Program, possible []fault, rounds int) {
	native := map[string]outcome{}
	for name, p := range list {
		n := c.Node(home)
		dir, err := n.WorkDir()
		if err != nil {
			t.Fatal(err)
		}
		native[name] = outcomeOf(n.Do(harness.Command{Args: []string{p.Path, strconv.Itoa(roundMs)}, Dir: dir}))
	}
	random := rand.New(rand.NewPCG(uint64(harness.Seed()), 0))
	t.Logf("seed %d, %d rounds", harness.Seed(), rounds)
	count := map[string]int{}
	for i := range rounds {
		r := &round{number: i, fault: possible[i%len(possible)], moment: moment(random), nodes: c, rand: random}
		among := victims
		if r.fault.cable {
			among = victims[:patient]
		}
		r.program = list[among[random.IntN(len(among))]]
		if err := r.run(roundMs, native[r.program.Name]); err != nil {
			t.Fatalf("seed %d, %v: %v", harness.Seed(), r, err)
		}
		count[r.fault.name]++
	}
	text := ""
	for _, f := range possible {
		text += fmt.Sprintf("\n%4d rounds of %s", count[f.name], f.name)
	}
	t.Logf("no hang, no orphan, true status, jobs at home untouched:%s", text)
}

// moment is when a fault strikes: half of them during the move, half while away.
func moment(random *rand.Rand) time.Duration {
	if random.IntN(2) == 0 {
		return time.Duration(random.IntN(60_000)) * time.Microsecond
	}
	return time.Duration(60+random.IntN(600)) * time.Millisecond
}
