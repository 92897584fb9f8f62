package programs

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"umosix/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// TestNative runs every program that needs no terminal as its oracle will run it:
// it ends as its source says, as either user, and prints the same twice.
func TestNative(t *testing.T) {
	dir := filepath.Join(harness.Base(), "programs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	list, err := All(dir)
	if err != nil {
		t.Fatal(err)
	}
	nodes := harness.Start(t, harness.Cluster{Nodes: 1, User: harness.Users()[0], Bare: true})
	ms := 50
	if !testing.Short() {
		ms = 300
	}
	for _, p := range list {
		if p.Input == Tty {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			var last string
			for _, user := range harness.Users() {
				n := nodes.Node(1).As(user)
				work, err := n.WorkDir()
				if err != nil {
					t.Fatal(err)
				}
				r := n.Do(harness.Command{Args: []string{p.Path, strconv.Itoa(ms)}, Dir: work, Limit: 20 * time.Second})
				if r.Err != nil || r.Exit != p.Exit || r.Signal != p.Signal {
					t.Errorf("want exit %d, signal %v; got %v", p.Exit, p.Signal, r)
				}
				out := string(r.Stdout)
				if last != "" && last != out && !p.Personal {
					t.Errorf("as %v it prints\n%s\nbefore\n%s", user, out, last)
				}
				last = out
			}
		})
	}
}

func TestDirectives(t *testing.T) {
	s, err := parse("x.c", "// What it does.\n// build: static musl\n// exit: SIGSEGV\n// flags: -lm -ldl\n// stdin: slow\n// users: differ\n#include\n// exit: 5\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.builds) != 2 || s.Signal != syscall.SIGSEGV || s.Exit != -1 || len(s.flags) != 2 || s.Input != Slow || !s.Personal || s.About != "What it does." {
		t.Errorf("got %+v", s)
	}
	if _, err := parse("x.c", "// exit: soon\n"); err == nil {
		t.Error("an exit that is no number or signal is accepted")
	}
}
