package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"
)

// leakLimit is how long processes and mounts may take to go after the daemons of a
// test have ended.
const leakLimit = 5 * time.Second

// world is what a test must leave as it found it. Clusters of parallel tests share
// the machine, so only what carries this run's name, or has become this process's
// child without being started here, counts.
type world struct {
	dirs map[string]bool
}

// Places in which daemons or jobs might leave a file, directory or socket.
var litter = []string{
	"/tmp/mosix-*", "/dev/shm/*mosix*", "/run/mosix*", "/run/user/*/mosix",
	"/sys/fs/cgroup/*mosix*", "/sys/fs/cgroup/*/*mosix*",
}

func survey() world {
	w := world{dirs: map[string]bool{}}
	for _, path := range findLitter() {
		w.dirs[path] = true
	}
	return w
}

func findLitter() (found []string) {
	for _, pattern := range litter {
		paths, _ := filepath.Glob(pattern)
		found = append(found, paths...)
	}
	return found
}

// check fails the test for everything that has been left since the survey, and
// removes processes.
func (w world) check(t testing.TB) {
	t.Helper()
	err := Poll(leakLimit, func() error {
		if left := w.left(); len(left) > 0 {
			return fmt.Errorf("left behind:\n%s", strings.Join(left, "\n"))
		}
		return nil
	})
	if err != nil {
		t.Errorf("after the cluster's end: %v", err)
		for _, p := range orphans() {
			tellStacks(p)
			killTree(p.pid)
		}
	}
}

// tellStacks makes a half that is left write into its log what each of its goroutines
// is doing.
func tellStacks(p proc) {
	if line := cmdline(p.pid); len(line) == 0 || line[0] != "mosix" {
		return
	}
	_ = syscall.Kill(p.pid, syscall.SIGQUIT)
	_ = Poll(leakLimit, func() error {
		if exists(procPath(p.pid, "fd/0")) || exists(procPath(p.pid, "fd/2")) {
			return fmt.Errorf("process %d still runs", p.pid)
		}
		return nil
	})
}

func (w world) left() (left []string) {
	for _, p := range orphans() {
		left = append(left, fmt.Sprintf("process %d (%s, state %c): %q", p.pid, p.comm, p.state, cmdline(p.pid)))
	}
	for _, path := range findLitter() {
		if !w.dirs[path] {
			left = append(left, path)
		}
	}
	left = append(left, mountsBelow(base)...)
	sort.Strings(left)
	return left
}

// orphans are the children of this process that it has not started.
func orphans() (found []proc) {
	owned.RLock()
	defer owned.RUnlock()
	owned.change.Lock()
	defer owned.change.Unlock()
	for _, p := range children(os.Getpid()) {
		if !owned.pids[p.pid] {
			found = append(found, p)
		}
	}
	return found
}

// mountsBelow lists mount points below dir in this mount namespace.
func mountsBelow(dir string) (found []string) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	for _, line := range strings.Split(string(data), "\n") {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			found = append(found, "mount "+fields[4])
		}
	}
	return found
}

// Usage is what a process holds, to compare before and after.
type Usage struct {
	Descriptors int
	Resident    int64 // bytes
	Threads     int
}

// UsageOf reads the usage of a process by its pid on this machine.
func UsageOf(pid int) (u Usage, err error) {
	fds, err := os.ReadDir(procPath(pid, "fd"))
	if err != nil {
		return u, err
	}
	tasks, err := os.ReadDir(procPath(pid, "task"))
	if err != nil {
		return u, err
	}
	statm, err := os.ReadFile(procPath(pid, "statm"))
	if err != nil {
		return u, err
	}
	var size int64
	if _, err := fmt.Sscan(string(statm), &size, &u.Resident); err != nil {
		return u, fmt.Errorf("statm of %d: %w", pid, err)
	}
	u.Resident *= int64(syscall.Getpagesize())
	u.Descriptors, u.Threads = len(fds), len(tasks)
	return u, nil
}
