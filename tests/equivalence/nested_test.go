package equivalence

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"umosix/tests/harness"
)

// nested are jobs in places where mosrun is not the usual first process of a job: as the
// first process of a pid namespace, inside of another mosrun, and without a daemon.
var nested = []job{
	{name: "pid 1", stays: true, script: `unshare -rpf --mount-proc $A sh -c '
		echo pid $$; (exit 3); echo $?; (sleep 0.05 &)
		i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done
		while ps -e -o comm= | grep -q sleep; do :; done
		ps -e -o ppid=,comm=; kill -TERM $$; exit 7'; echo $?`},
	{name: "below pid 1", stays: true, script: `unshare -rpf --mount-proc sh -c '$A awk "BEGIN { while (i++ < 500000); print i; exit 5 }"; echo $?; echo $$'; echo $?`},
	{name: "twice", script: `$A $A awk 'BEGIN { while (i++ < 500000); print i; exit 5 }'; echo $?`},
	{name: "inside", script: `$A sh -c '$A awk "BEGIN { while (i++ < 500000); print i; exit 5 }"; echo $?; $B echo on; exit 4'; echo $?`},
	{name: "locked inside", script: `H=${A:+mosrun -h}; $A sh -c "$H awk 'BEGIN { while (i++ < 500000); print i; exit 5 }'"'; echo $?; exit 4'; echo $?`},
	{name: "without mosd", script: `export MOSIX_QUIET=1 MOSIX_STATE=/nonexistent; $A sh -c 'echo in; exit 5'; echo $?; $A sh -c 'kill -TERM $$'; echo $?`},
}

// TestNestedMosrun compares them with native runs.
func TestNestedMosrun(t *testing.T) {
	for i := range nested {
		nested[i].script = "export A B; " + nested[i].script
	}
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		var s summary
		for _, j := range nested {
			t.Run(j.name, func(t *testing.T) { compareJob(t, c.Node(1), j, nestedWorlds(), &s) })
		}
		t.Log(&s)
	})
}

// nestedWorlds are few with -short: home-early, away and shaken.
func nestedWorlds() []world {
	list := worlds(stormSeeds())
	if testing.Short() {
		list = slices.DeleteFunc(list, func(w world) bool { return w.name == "home" || w.name == "moved" })
	}
	return list
}

// TestNestedPlace has one mosrun start another: the inner one says where the program is.
func TestNestedPlace(t *testing.T) {
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		for _, to := range []struct{ inner, where string }{{"-3", "3"}, {"-h", "home"}, {"-2", "2"}} {
			d := startDialogue(t, c.Node(1), "mosrun", "-q", "-2", "mosrun", "-q", to.inner, "sh", "-c", "echo up; read x")
			d.hear(t, "up\n")
			err := harness.Poll(10*time.Second, func() error {
				if at, err := c.Node(1).Where(d.job.Pid); err != nil || at != to.where {
					return fmt.Errorf("by %s it is at %q (%v)", to.inner, at, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			d.ask.Close()
			d.job.Wait()
		}
	})
}

// TestForeignNamespaceIsNoJob has mosrun as the first process of a pid namespace: what
// mosd lists is that process, by its number at home, and nothing else of the machine.
func TestForeignNamespaceIsNoJob(t *testing.T) {
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		n := c.Node(1)
		const script = `echo up; read x; exit 7`
		d := startDialogue(t, n, "unshare", "-rpf", "--mount-proc", "mosrun", "-q", "sh", "-c", script)
		d.hear(t, "up\n")
		list, err := n.Ps()
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 1 || list[0].Ppid != d.job.Pid || !strings.HasPrefix(list[0].Command, "sh -c") {
			t.Errorf("mosps lists %+v, want one process below %d", list, d.job.Pid)
		}
		for _, p := range list {
			if err := n.Migrate(p.Pid, "2"); err == nil || !strings.Contains(err.Error(), "is in a pid namespace of its own") {
				t.Errorf("migrate: %v", err)
			}
		}
		d.ask.Close()
		if r := d.job.Wait(); r.Exit != 7 {
			t.Error(r)
		}
	})
}

// TestWithoutMosd says once that there is no daemon, and runs the program.
func TestWithoutMosd(t *testing.T) {
	c := harness.Start(t, harness.Cluster{Nodes: 1, User: harness.Ordinary})
	for _, how := range []struct {
		args []string
		exit int
	}{
		{[]string{"sh", "-c", "exit 5"}, 5},
		{[]string{"-2", "sh", "-c", "exit 5"}, 5},
		{[]string{"--early-attach", "sh", "-c", "exit 5"}, 5},
		{[]string{"nonexistent"}, 127},
		{[]string{"/etc/passwd"}, 126},
	} {
		r := c.Node(1).Do(harness.Command{Args: append([]string{"mosrun"}, how.args...), Env: []string{"MOSIX_STATE=/nonexistent"}})
		warnings := strings.Count(string(r.Stderr), "the program runs at home only: ")
		if r.Exit != how.exit || how.exit == 5 && (warnings != 1 || strings.Count(string(r.Stderr), "\n") != 1) {
			t.Error(r)
		}
	}
}
