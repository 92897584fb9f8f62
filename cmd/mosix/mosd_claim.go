package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"umosix/wire/cluster"
)

// claimed is a state directory that this daemon has for itself.
type claimed struct {
	dir, socketPath string
	lock            *os.File
}

const (
	lockName = "mosd.lock"
	pidName  = "mosd.pid"
)

// claim takes a state directory. The lock is the kernel's: it is free again
// however a daemon ends.
func claim(dir string) (*claimed, error) {
	socket, err := cluster.SocketPath(dir)
	if err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("state directory %s: another mosd%s runs there", dir, lastPid(dir))
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	c := &claimed{dir: dir, socketPath: socket, lock: lock}
	pid := strconv.Itoa(os.Getpid()) + "\n"
	if err := os.WriteFile(filepath.Join(dir, pidName), []byte(pid), 0o644); err != nil {
		c.release()
		return nil, fmt.Errorf("state directory: %w", err)
	}
	return c, nil
}

// lastPid is the number in the pid file, for people.
func lastPid(dir string) string {
	if pid := readPid(dir); pid != 0 {
		return fmt.Sprintf(" (pid %d)", pid)
	}
	return ""
}

func readPid(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, pidName))
	if err != nil || len(text) == 0 {
		return 0
	}
	pid, err := strconv.Atoi(string(text[:len(text)-1]))
	if err != nil {
		return 0
	}
	return pid
}

// listen opens the control socket; what a dead daemon has left there is in
// nobody's use. Root's serves all users, any other only its owner.
func (c *claimed) listen(everybody bool) (net.Listener, error) {
	if err := os.Remove(c.socketPath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	listener, err := net.Listen("unix", c.socketPath)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	mode := os.FileMode(0o600)
	if everybody {
		mode = 0o666
	}
	if err := os.Chmod(c.socketPath, mode); err != nil {
		listener.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return listener, nil
}

// release removes what only a running daemon has.
func (c *claimed) release() {
	os.Remove(c.socketPath)
	os.Remove(filepath.Join(c.dir, pidName))
	c.lock.Close()
}
