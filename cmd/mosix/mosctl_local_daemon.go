package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// localDaemon is a running daemon of the try-out cluster. The lock that it holds
// in its state directory is what tells that it runs.
type localDaemon struct {
	dir   string
	pid   int
	pidfd int
}

// localStates are the state directories of the cluster's nodes.
func localStates(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var dirs []string
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err == nil && entry.IsDir() {
			dirs = append(dirs, filepath.Join(dir, entry.Name()))
		}
	}
	return dirs
}

func localRunning(dir string) int {
	n := 0
	for _, state := range localStates(dir) {
		if isLocked(state) {
			n++
		}
	}
	return n
}

// isLocked tells whether a daemon holds a state directory.
func isLocked(dir string) bool {
	lock, err := os.Open(filepath.Join(dir, lockName))
	if err != nil {
		return false
	}
	defer lock.Close()
	return unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB) == unix.EWOULDBLOCK
}

// findLocalDaemon is the daemon of a state directory, nil if none runs. The pid
// is good: only the holder of the lock writes it, and the lock is looked at
// again after the pidfd has been opened.
func findLocalDaemon(dir string) *localDaemon {
	pid := readPid(dir)
	if pid == 0 {
		return nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil
	}
	if !isLocked(dir) {
		unix.Close(fd)
		return nil
	}
	return &localDaemon{dir: dir, pid: pid, pidfd: fd}
}

// await waits until a daemon that was told to stop has ended; one that takes too
// long is killed.
func (d *localDaemon) await() error {
	defer unix.Close(d.pidfd)
	if d.ends(drainTimeout + localTimeout) {
		return nil
	}
	if err := unix.PidfdSendSignal(d.pidfd, syscall.SIGKILL, nil, 0); err != nil {
		return fmt.Errorf("ending mosd %d: %w", d.pid, err)
	}
	if !d.ends(localTimeout) {
		return fmt.Errorf("mosd %d does not end", d.pid)
	}
	return nil
}

func (d *localDaemon) ends(within time.Duration) bool {
	end := time.Now().Add(within)
	for {
		poll := []unix.PollFd{{Fd: int32(d.pidfd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, max(0, int(time.Until(end).Milliseconds())))
		if err != unix.EINTR {
			return err == nil && n > 0
		}
	}
}
