package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrNoDaemon is what FindDaemon wraps where no daemon answers.
var ErrNoDaemon = errors.New("no mosd answers")

// EnsureStateDir makes the state directory of a daemon, or checks the one that
// is there: it must be a directory, belong to this user, and nobody else may
// write to it; below /tmp, nobody else may even look into it. Root's is open for
// reading, because users without a daemon speak to root's.
func (e Env) EnsureStateDir() (string, error) {
	dir := e.StateDir()
	if _, err := SocketPath(dir); err != nil {
		return "", err
	}
	mode := os.FileMode(0o700)
	if e.Uid == 0 && !e.inTmp(dir) {
		mode = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("make state directory: %w", err)
	}
	err := os.Mkdir(dir, mode)
	if err == nil {
		err = os.Chmod(dir, mode) // the umask may have taken bits
	} else if errors.Is(err, os.ErrExist) {
		err = nil
	}
	if err != nil {
		return "", fmt.Errorf("make state directory: %w", err)
	}
	return dir, e.checkOwn(dir)
}

// SocketPath is the control socket of the daemon with this state directory. It
// fails if the name is too long for a socket.
func SocketPath(dir string) (string, error) {
	path := filepath.Join(dir, SocketName)
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("state directory %s: the path of its socket is %d bytes long, at most %d fit: choose a shorter one",
			dir, len(path), maxSocketPath)
	}
	return path, nil
}

// checkOwn refuses a state directory that somebody else could have prepared.
func (e Env) checkOwn(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	if info.Mode()&os.ModeSymlink != 0 && !e.inTmp(dir) {
		if info, err = os.Stat(dir); err != nil {
			return fmt.Errorf("state directory: %w", err)
		}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("state directory %s is refused: it is no directory", dir)
	case !ok || int(stat.Uid) != e.Uid:
		return fmt.Errorf("state directory %s is refused: it belongs to another user", dir)
	case e.inTmp(dir) && info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("state directory %s is refused: others may look into it (chmod 700 it)", dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("state directory %s is refused: others may write to it (chmod go-w it)", dir)
	}
	return nil
}

// inTmp says whether dir is the default below /tmp, where anybody can make names.
func (e Env) inTmp(dir string) bool {
	return dir == e.tmpStateDir()
}

// Candidates are the state directories in which a tool looks for its daemon, in
// order. A told one stands alone. Those that are not safe to use are left out.
func (e Env) Candidates() []string {
	if told := first(e.State, e.Getenv("MOSIX_STATE")); told != "" {
		return []string{absolute(told)}
	}
	var dirs []string
	if own := e.ownStateDir(); e.checkOwn(own) == nil {
		dirs = append(dirs, own)
	}
	if sys := e.systemStateDir(); e.Uid != 0 {
		dirs = append(dirs, sys)
	}
	if local, err := e.LocalNode(1); err == nil {
		dirs = append(dirs, local)
	}
	return dirs
}

// FindDaemon is the first of the candidates whose daemon answers; answers may be
// nil: then a connection to the control socket is tried. A told directory is
// returned even if its daemon does not answer, together with the error.
func (e Env) FindDaemon(answers func(dir string) error) (string, error) {
	if answers == nil {
		answers = connects
	}
	dirs := e.Candidates()
	var why []string
	for _, dir := range dirs {
		err := answers(dir)
		if err == nil {
			return dir, nil
		}
		why = append(why, fmt.Sprintf("%s (%v)", dir, plain(err)))
	}
	dir := ""
	if len(dirs) == 1 {
		dir = dirs[0]
	}
	return dir, fmt.Errorf("%w in %s: start one with mosd, or a try-out cluster with mosctl local up",
		ErrNoDaemon, strings.Join(why, ", "))
}

// connects tries whether somebody listens at the control socket.
func connects(dir string) error {
	path, err := SocketPath(dir)
	if err != nil {
		return err
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}

// plain is the kernel's reason without the operations wrapped around it.
func plain(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
