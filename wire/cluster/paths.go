package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// SocketName is the name of mosd's control socket in a state directory.
const SocketName = "mosd.sock"

// maxSocketPath is what fits into sun_path with its final zero (man 7 unix).
const maxSocketPath = 107

// Env is what the directories depend on. The zero Root is the real machine; a
// test puts another directory in front of the absolute defaults.
type Env struct {
	Uid    int
	Getenv func(string) string
	Root   string // prefix of /run, /etc, /var and /tmp
	State  string // --state
	Config string // --config
}

// SystemEnv is the environment of this process with the two options that every
// command has, empty where they were not given.
func SystemEnv(state, config string) Env {
	return Env{Uid: os.Geteuid(), Getenv: os.Getenv, State: state, Config: config}
}

// StateDir is the state directory that a daemon started in this environment
// uses. It need not exist yet: EnsureStateDir makes it.
func (e Env) StateDir() string {
	if told := first(e.State, e.Getenv("MOSIX_STATE")); told != "" {
		return absolute(told)
	}
	return e.ownStateDir()
}

// ownStateDir is the user's own state directory where nothing was told.
func (e Env) ownStateDir() string {
	if e.Uid == 0 {
		return e.systemStateDir()
	}
	if dir := e.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "mosix")
	}
	if dir := filepath.Join(e.Root, "/run/user", strconv.Itoa(e.Uid)); isDir(dir) {
		return filepath.Join(dir, "mosix")
	}
	return e.tmpStateDir()
}

// tmpStateDir is the last resort, in a directory where anybody can make names.
func (e Env) tmpStateDir() string {
	return filepath.Join(e.Root, "/tmp", "mosix-"+strconv.Itoa(e.Uid))
}

// systemStateDir is where root's daemon lives.
func (e Env) systemStateDir() string { return filepath.Join(e.Root, "/run/mosix") }

// LocalDir holds the try-out cluster of this user; each of its nodes has its
// state in LocalNode.
func (e Env) LocalDir() (string, error) {
	base, err := e.base("XDG_STATE_HOME", ".local/state")
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "mosix", "local"), nil
}

// LocalNode is the state directory of node n of the try-out cluster.
func (e Env) LocalNode(n int) (string, error) {
	dir, err := e.LocalDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, strconv.Itoa(n)), nil
}

// CacheDir is the default place of the page cache and of checkpoints, which
// mosix.conf may change.
func (e Env) CacheDir() (string, error) {
	if e.Uid == 0 && e.Getenv("XDG_CACHE_HOME") == "" {
		return filepath.Join(e.Root, "/var/cache/mosix"), nil
	}
	base, err := e.base("XDG_CACHE_HOME", ".cache")
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "mosix"), nil
}

// ConfigDirs are the directories in which configuration is looked for, in order.
// --config or MOSIX_CONFIG stands alone.
func (e Env) ConfigDirs() []string {
	if told := first(e.Config, e.Getenv("MOSIX_CONFIG")); told != "" {
		return []string{absolute(told)}
	}
	dirs := []string{filepath.Join(e.Root, "/etc/mosix")}
	if base, err := e.base("XDG_CONFIG_HOME", ".config"); err == nil {
		dirs = append(dirs, filepath.Join(base, "mosix"))
	}
	return dirs
}

// ConfigFile is the first file of that name in ConfigDirs which this user can
// open; it wraps fs.ErrNotExist if there is none.
func (e Env) ConfigFile(name string) (string, error) {
	for _, dir := range e.ConfigDirs() {
		path := filepath.Join(dir, name)
		f, err := os.Open(path)
		if err == nil {
			f.Close()
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return "", fmt.Errorf("open %s: %w", path, err)
		}
	}
	return "", fmt.Errorf("%s: %w in %v", name, fs.ErrNotExist, e.ConfigDirs())
}

// ConfigHome is the directory into which new configuration is written: the told
// one, /etc/mosix for root, else the user's own.
func (e Env) ConfigHome() string {
	dirs := e.ConfigDirs()
	if e.Uid == 0 {
		return dirs[0]
	}
	return dirs[len(dirs)-1]
}

// base is an XDG base directory: the variable if it is absolute, else the
// default below the user's home.
func (e Env) base(variable, fallback string) (string, error) {
	if dir := e.Getenv(variable); filepath.IsAbs(dir) {
		return dir, nil
	}
	if home := e.Getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, fallback), nil
	}
	return "", fmt.Errorf("no directory for mosix: neither %s nor HOME is set", variable)
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// absolute makes a told directory independent of later changes of directory.
func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
