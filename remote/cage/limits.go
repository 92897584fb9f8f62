package cage

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// limit sets what all guests inherit from the first process and what no guest
// sees: no core files, the first to go when memory ends, and the memory limit.
// The limits of the program itself are its own and travel with it.
func (c *Cage) limit() error {
	pid := int(c.first.Tid)
	if err := unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil); err != nil {
		return fmt.Errorf("no core files of guests: %w", err)
	}
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0); err != nil {
		return fmt.Errorf("guests first when memory ends: %w", err)
	}
	if c.cfg.Memory == 0 {
		return nil
	}
	group, err := joinGroup(cgroupRoot, pid, c.cfg.Memory)
	if err != nil {
		c.cfg.Log.Warn().Err(err).Msg("guests run without a memory limit")
		return nil
	}
	c.group = group
	return nil
}

const cgroupRoot = "/sys/fs/cgroup"

// cgroup is a control group made for one cage.
type cgroup struct{ path string }

// joinGroup makes a control group with a memory limit beside this program's own
// and puts pid into it. That is possible where the group above is delegated to
// this user with the memory controller, as systemd does for users. (A group below
// our own could not be used: a group with processes has no limited children.)
func joinGroup(root string, pid int, limit uint64) (*cgroup, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	above, err := groupAbove(root, string(own))
	if err != nil {
		return nil, err
	}
	g := &cgroup{filepath.Join(above, "mosix-guests-"+strconv.Itoa(pid))}
	if err := g.fill(pid, limit); err != nil {
		g.remove()
		return nil, err
	}
	return g, nil
}

// groupAbove is the directory of the group above the one that own, the text of
// /proc/PID/cgroup, names. Its children can have memory limits.
func groupAbove(root, own string) (string, error) {
	path, err := unifiedPath(own)
	if err != nil {
		return "", err
	}
	above := filepath.Join(root, filepath.Dir(path))
	controllers, err := os.ReadFile(filepath.Join(above, "cgroup.subtree_control"))
	if err != nil {
		return "", err
	}
	if !slices.Contains(strings.Fields(string(controllers)), "memory") {
		return "", fmt.Errorf("control group %s passes no memory controller on", above)
	}
	return above, nil
}

// unifiedPath finds the version 2 group in /proc/PID/cgroup.
func unifiedPath(lines string) (string, error) {
	for line := range strings.Lines(lines) {
		if path, found := strings.CutPrefix(line, "0::"); found {
			return strings.TrimSpace(path), nil
		}
	}
	return "", fmt.Errorf("this program is in no version 2 control group")
}

func (g *cgroup) fill(pid int, limit uint64) error {
	if err := os.Mkdir(g.path, 0o755); err != nil {
		return err
	}
	if err := g.write("memory.max", strconv.FormatUint(limit, 10)); err != nil {
		return err
	}
	g.write("memory.swap.max", "0") // absent on machines without swap accounting
	return g.write("cgroup.procs", strconv.Itoa(pid))
}

func (g *cgroup) write(file, value string) error {
	return os.WriteFile(filepath.Join(g.path, file), []byte(value), 0o644)
}

// remove takes the group away; its processes are gone.
func (g *cgroup) remove() error {
	if g == nil {
		return nil
	}
	if err := os.Remove(g.path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove control group of cage: %w", err)
	}
	return nil
}
