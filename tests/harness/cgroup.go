package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// cgroup limits a node's share of the machine: one directory per controller of
// cgroup v1, or one for v2. Without limits it is empty and does nothing.
type cgroup []string

const (
	cgroupRoot   = "/sys/fs/cgroup"
	quotaPeriod  = 10000 // microseconds
	percentQuota = quotaPeriod / 100
)

// newCgroup makes the groups for node's entries in value.
func newCgroup(name string, value Cluster, node int) (g cgroup, err error) {
	speed, cpu := at(value.Speed, node), at(value.CPUs, node)
	files := map[string]string{}
	unified := exists(filepath.Join(cgroupRoot, "cgroup.controllers"))
	dir := func(controller string) string {
		if unified {
			return filepath.Join(cgroupRoot, name)
		}
		return filepath.Join(cgroupRoot, controller, name)
	}
	if cpu > 0 {
		files[filepath.Join(dir("cpuset"), "cpuset.cpus")] = fmt.Sprint(cpu - 1)
		files[filepath.Join(dir("cpuset"), "cpuset.mems")] = "0"
	}
	if speed > 0 && unified {
		files[filepath.Join(dir("cpu"), "cpu.max")] = fmt.Sprintf("%d %d", speed*percentQuota, quotaPeriod)
	} else if speed > 0 {
		files[filepath.Join(dir("cpu"), "cpu.cfs_quota_us")] = fmt.Sprint(speed * percentQuota)
	}
	for path, text := range files {
		d := filepath.Dir(path)
		if err := os.MkdirAll(d, 0o755); err != nil {
			return g, fmt.Errorf("limit node %d: %w", node, err)
		}
		g = append(g, d)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return g, fmt.Errorf("limit node %d: %w", node, err)
		}
	}
	return g, nil
}

// join is the command line with its process put into the groups first.
func (g cgroup) join(args []string) []string {
	if len(g) == 0 {
		return args
	}
	script := ""
	for _, dir := range g {
		script += "echo $$ >" + dir + "/cgroup.procs && "
	}
	return append([]string{"sh", "-c", script + `exec "$0" "$@"`}, args...)
}

// remove deletes the groups; their last processes may need a moment to leave.
func (g cgroup) remove() {
	for _, dir := range g {
		_ = Poll(time.Second, func() error {
			if err := os.Remove(dir); !os.IsNotExist(err) {
				return err
			}
			return nil
		})
	}
}
