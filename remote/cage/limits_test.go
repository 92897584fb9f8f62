package cage

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGroupAbove(t *testing.T) {
	root := t.TempDir()
	above := filepath.Join(root, "user.slice/app.slice")
	if err := os.MkdirAll(above, 0o755); err != nil {
		t.Fatal(err)
	}
	const own = "4:memory:/x\n0::/user.slice/app.slice/mosd.service\n"
	control := filepath.Join(above, "cgroup.subtree_control")
	for _, c := range []struct {
		controllers string
		ok          bool
	}{{"cpu memory pids\n", true}, {"cpu pids\n", false}, {"", false}} {
		if err := os.WriteFile(control, []byte(c.controllers), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := groupAbove(root, own)
		if (err == nil) != c.ok || c.ok && got != above {
			t.Errorf("controllers %q: %q, %v", c.controllers, got, err)
		}
	}
	if _, err := groupAbove(root, "4:memory:/x\n"); err == nil {
		t.Error("a program in no version 2 group has a group above it")
	}
}

func TestGroupIsFilled(t *testing.T) {
	g := &cgroup{filepath.Join(t.TempDir(), "guests")}
	if err := g.fill(4711, 1<<30); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"memory.max": "1073741824", "memory.swap.max": "0", "cgroup.procs": "4711"} {
		if got := setting(filepath.Join(g.path, file)); got != want {
			t.Errorf("%s is %q", file, got)
		}
	}
	if err := (*cgroup)(nil).remove(); err != nil {
		t.Error(err)
	}
}

func TestClockOffsetText(t *testing.T) {
	o := clockOffset{monotonic: -1, boottime: 2*1e9 + 3}
	if got, want := o.text(), "monotonic -1 999999999\nboottime 2 3\n"; got != want {
		t.Errorf("%q instead of %q", got, want)
	}
}
