package equivalence

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

// storm is a program that does very much of one thing, and says itself whether all was
// right. Its arguments are the milliseconds and the amount of work that it does at least.
type storm struct {
	name        string
	short, full int
}

var storms = []storm{
	{"threadstorm", 1000, 20_000},
	{"execrace", 30, 1000},
}

// stormTime is what a storm takes at least, in milliseconds: natively it would be over
// before it was moved.
func stormTime() string {
	if testing.Short() {
		return "800"
	}
	return "20000"
}

// stormLimit bounds one run of a storm: none of them waits for anybody but itself.
const stormLimit = 10 * time.Minute

func (s storm) size() string {
	if testing.Short() {
		return strconv.Itoa(s.short)
	}
	return strconv.Itoa(s.full)
}

// stormPrograms compiles some programs.
func stormPrograms(t *testing.T, names ...string) map[string]programs.Program {
	t.Helper()
	if err := os.MkdirAll(programDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	list, err := programs.Named(programDir(), names...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// stormClusters runs a test for every user, on three nodes.
func stormClusters(t *testing.T, play func(*testing.T, *harness.Nodes)) {
	stormClustersOf(t, harness.Cluster{Nodes: 3, Clocks: clocks}, play)
}

// stormClustersOf is stormClusters with another cluster.
func stormClustersOf(t *testing.T, c harness.Cluster, play func(*testing.T, *harness.Nodes)) {
	for _, c.User = range harness.Users() {
		t.Run(c.User.String(), func(t *testing.T) { play(t, harness.Start(t, c)) })
	}
}

// shaken is the command line of a program that is moved every 20 ms.
func shaken(seed int64, args ...string) []string {
	line := []string{"mosrun", "-q", "--shake", "20ms", "--seed", fmt.Sprint(seed), "--"}
	return append(line, args...)
}

// TestStorms shakes programs with many threads that wake each other, or exec while
// others wait in calls.
func TestStorms(t *testing.T) {
	for _, s := range storms {
		t.Run(s.name, func(t *testing.T) {
			program := stormPrograms(t, s.name)[s.name]
			stormClusters(t, func(t *testing.T, c *harness.Nodes) {
				for _, seed := range stormSeeds() {
					dir, err := c.Node(1).WorkDir()
					if err != nil {
						t.Fatal(err)
					}
					r := c.Node(1).Do(harness.Command{Args: shaken(seed, program.Path, stormTime(), s.size()), Dir: dir, Limit: stormLimit})
					if want := s.name + ": ok\n"; !r.OK() || string(r.Stdout) != want {
						t.Errorf("seed %d: %v", seed, r)
					}
					t.Logf("seed %d: size %s, %v", seed, s.size(), r.Time.Round(time.Millisecond))
				}
			})
		})
	}
}

// stormSeeds are fewer than those of other tests: a storm is long.
func stormSeeds() []int64 {
	seeds := harness.Seeds()
	if testing.Short() {
		return seeds[:1]
	}
	return seeds[:min(len(seeds), 3)]
}

// TestSignalStorm moves two processes that send each other signals, so that they are
// never on the same node.
func TestSignalStorm(t *testing.T) {
	count := 500
	if !testing.Short() {
		count = 50_000 // each
	}
	program := stormPrograms(t, "sigstorm")["sigstorm"]
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		n := c.Node(1)
		j, err := n.Start(harness.Command{Args: []string{"mosrun", "-q", "--", program.Path, stormTime(), strconv.Itoa(count)}, Limit: stormLimit})
		if err != nil {
			t.Fatal(err)
		}
		moves := keepApart(t, n, j)
		if r := j.Wait(); !r.OK() || string(r.Stdout) != "sigstorm: ok\n" {
			t.Error(r)
		} else {
			t.Logf("%d signals each way, %d moves, %v", count, <-moves, r.Time.Round(time.Millisecond))
		}
	})
}

// apart are the places that two processes take, one step after the other.
var apart = [][2]string{{"2", "3"}, {"3", "home"}, {"home", "2"}, {"3", "2"}, {"2", "home"}, {"home", "3"}}

// keepApart moves the two processes of a job until it ends, and tells how often.
func keepApart(t *testing.T, n *harness.Node, j *harness.Job) <-chan int {
	moves := make(chan int, 1)
	go func() {
		count := 0
		defer func() { moves <- count }()
		var pids []int
		for step := 0; !j.Ended(); step++ {
			if len(pids) < 2 {
				pids = processesOf(n, j)
				continue
			}
			done := make(chan error, len(pids))
			for i, pid := range pids {
				go func() { done <- n.Migrate(pid, apart[step%len(apart)][i]) }()
			}
			for range pids {
				if err := <-done; err == nil {
					count++
				} else if !endsSoon(j) {
					t.Errorf("step %d: %v", step, err)
				}
			}
		}
	}()
	return moves
}

// processesOf are the processes of a job that are there just now.
func processesOf(n *harness.Node, j *harness.Job) (pids []int) {
	list, err := n.Ps()
	if err != nil {
		return nil
	}
	for _, p := range list {
		if p.Pid == j.Pid || p.Ppid == j.Pid {
			pids = append(pids, p.Pid)
		}
	}
	return pids
}

// TestOrderAcrossFutex lets a thread write to a file and then wake another, away, which
// writes to a pipe: who reads the pipe at home always finds in the file what was written
// before.
func TestOrderAcrossFutex(t *testing.T) {
	rounds := "2000"
	if !testing.Short() {
		rounds = "100000"
	}
	program := stormPrograms(t, "ordered")["ordered"]
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		for _, way := range []string{"-2", fmt.Sprintf("--shake 20ms --seed %d", harness.Seed())} {
			script := fmt.Sprintf("mosrun -q %s -- %s %s %s write | %[2]s 0 %[4]s read", way, program.Path, stormTime(), rounds)
			dir, err := c.Node(1).WorkDir()
			if err != nil {
				t.Fatal(err)
			}
			r := c.Node(1).Do(harness.Command{Args: []string{"sh", "-c", script}, Dir: dir, Limit: stormLimit})
			if !r.OK() || string(r.Stdout) != "ordered: ok\n" {
				t.Errorf("mosrun %s: %v", way, r)
			}
			t.Logf("mosrun %s: %s rounds, %v", way, rounds, r.Time.Round(time.Millisecond))
		}
	})
}

// TestForkStorm has a shell that is sent away over and over start processes that end at
// once. Nothing of them is left, at home or in the product.
func TestForkStorm(t *testing.T) {
	warm, count := 50, 200
	if !testing.Short() {
		warm, count = 500, 10_000
	}
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		n := c.Node(1)
		f := startDialogue(t, n, "mosrun", "-q", "-2", "--", "sh", "-c", forkScript)
		f.fork(t, warm)
		before := f.usageAway(t, c)
		begun := time.Now()
		f.fork(t, count)
		t.Logf("%d processes in %v", count, time.Since(begun).Round(time.Millisecond))
		compareUsage(t, before, f.usageAway(t, c))
		if list := processesOf(n, f.job); len(list) != 1 {
			t.Errorf("the job still has processes %v beside %d", list, f.job.Pid)
		}
		if left := childrenOf(n, f.job.Pid); left != "" {
			t.Errorf("the shell still has children %s", left)
		}
		f.end(t)
	})
}

// forkScript is a shell that starts as many processes as it is told on its standard
// input, in three ways, and answers when they have ended.
const forkScript = `
while read count; do
	while [ "$count" -gt 0 ]; do
		(exit 3); [ $? = 3 ] || echo "a subshell ended with $?"
		/bin/true || echo "true ended with $?"
		[ "$(echo $count | cat)" = "$count" ] || echo "a pipeline is wrong"
		count=$((count - 5))
	done
	echo done
done`

// dialogue is a job that is talked to by its standard input and output.
type dialogue struct {
	job      *harness.Job
	node     *harness.Node
	ask, say *os.File
}

func startDialogue(t *testing.T, n *harness.Node, args ...string) *dialogue {
	t.Helper()
	in, ask, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	say, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	d := &dialogue{node: n, ask: ask, say: say}
	if d.job, err = n.Start(harness.Command{Args: args, Stdin: in, Stdout: out, Limit: stormLimit}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ask.Close(); d.job.Wait(); say.Close() })
	return d
}

// hear waits for one thing to be said.
func (d *dialogue) hear(t *testing.T, want string) {
	t.Helper()
	if err := d.say.SetReadDeadline(time.Now().Add(stormLimit)); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 80)
	if n, err := d.say.Read(said); err != nil || string(said[:n]) != want {
		t.Fatalf("%q is said (%v), want %q", said[:n], err, want)
	}
}

// fork has the shell start processes, and waits until they have ended.
func (d *dialogue) fork(t *testing.T, count int) {
	t.Helper()
	fmt.Fprintln(d.ask, count)
	d.hear(t, "done\n")
}

// usageAway is what the halves hold while the shell is away.
func (d *dialogue) usageAway(t *testing.T, c *harness.Nodes) map[string]harness.Usage {
	t.Helper()
	if err := d.node.Migrate(d.job.Pid, "2"); err != nil {
		t.Fatal(err)
	}
	return usage(t, c)
}

func (d *dialogue) end(t *testing.T) {
	t.Helper()
	d.ask.Close()
	if r := d.job.Wait(); !r.OK() {
		t.Error(r)
	}
	err := harness.Poll(10*time.Second, func() error {
		if list := append(d.node.Pids(harness.Deputy), d.node.Pids(harness.Executor)...); len(list) > 0 {
			return fmt.Errorf("processes of the product are left: %v", list)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// childrenOf lists the children that a process has, zombies too.
func childrenOf(n *harness.Node, pid int) string {
	return string(n.Run("ps", "-o", "pid=,stat=,args=", "--ppid", strconv.Itoa(pid)).Stdout)
}

// compareUsage fails the test for what has grown between two looks.
func compareUsage(t *testing.T, before, after map[string]harness.Usage) {
	t.Helper()
	for name, a := range after {
		b, ok := before[name]
		if !ok {
			t.Logf("%s was not there before", name)
			continue
		}
		t.Logf("%s: %d descriptors, %d kB before; %d, %d kB after", name, b.Descriptors, b.Resident>>10, a.Descriptors, a.Resident>>10)
		if a.Descriptors > b.Descriptors+moreDescriptors || a.Resident > b.Resident+moreMemory {
			t.Errorf("%s has grown", name)
		}
	}
}
