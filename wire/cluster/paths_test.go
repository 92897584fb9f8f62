package cluster

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testEnv is an environment below a directory of the test.
func testEnv(t *testing.T, uid int, vars ...string) Env {
	t.Helper()
	root := t.TempDir()
	os.MkdirAll(filepath.Join(root, "tmp"), 0o777)
	set := map[string]string{"HOME": "/home/u"}
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		set[name] = value
	}
	return Env{Uid: uid, Root: root, Getenv: func(n string) string { return set[n] }}
}

func TestStateDir(t *testing.T) {
	e := testEnv(t, 1000)
	if got := e.StateDir(); got != e.Root+"/tmp/mosix-1000" {
		t.Errorf("last resort: %s", got)
	}
	os.MkdirAll(e.Root+"/run/user/1000", 0o700)
	if got := e.StateDir(); got != e.Root+"/run/user/1000/mosix" {
		t.Errorf("run directory: %s", got)
	}
	for _, c := range []struct {
		env  Env
		want string
	}{
		{testEnv(t, 1000, "XDG_RUNTIME_DIR=/x"), "/x/mosix"},
		{testEnv(t, 1000, "XDG_RUNTIME_DIR=/x", "MOSIX_STATE=/s"), "/s"},
		{testEnv(t, 0, "XDG_RUNTIME_DIR=/x", "MOSIX_STATE=/s"), "/s"},
	} {
		if got := c.env.StateDir(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		c.env.State = "/flag"
		if got := c.env.StateDir(); got != "/flag" {
			t.Errorf("--state gives %s", got)
		}
	}
	root := testEnv(t, 0, "XDG_RUNTIME_DIR=/x")
	if got := root.StateDir(); got != root.Root+"/run/mosix" {
		t.Errorf("root: %s", got)
	}
}

func TestOtherDirs(t *testing.T) {
	e := testEnv(t, 1000)
	cache, _ := e.CacheDir()
	local, _ := e.LocalNode(1)
	if cache != "/home/u/.cache/mosix" || local != "/home/u/.local/state/mosix/local/1" {
		t.Errorf("%s %s", cache, local)
	}
	if got := e.ConfigDirs(); !slices.Equal(got, []string{e.Root + "/etc/mosix", "/home/u/.config/mosix"}) {
		t.Errorf("config %v", got)
	}
	if got := e.ConfigHome(); got != "/home/u/.config/mosix" {
		t.Errorf("config home %s", got)
	}
	root := testEnv(t, 0)
	if cache, _ := root.CacheDir(); cache != root.Root+"/var/cache/mosix" || root.ConfigHome() != root.Root+"/etc/mosix" {
		t.Errorf("root: %s %s", cache, root.ConfigHome())
	}
	told := testEnv(t, 0, "MOSIX_CONFIG=/c")
	if got := told.ConfigDirs(); !slices.Equal(got, []string{"/c"}) {
		t.Errorf("told config %v", got)
	}
	if _, err := testEnv(t, 5, "HOME=").CacheDir(); err == nil {
		t.Error("a cache without a home")
	}
}

func TestConfigFile(t *testing.T) {
	e := testEnv(t, os.Geteuid(), "XDG_CONFIG_HOME="+t.TempDir())
	if _, err := e.ConfigFile("mosix.map"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	for _, dir := range slices.Backward(e.ConfigDirs()) {
		os.MkdirAll(dir, 0o700)
		os.WriteFile(filepath.Join(dir, "mosix.map"), nil, 0o600)
		if got, err := e.ConfigFile("mosix.map"); err != nil || filepath.Dir(got) != dir {
			t.Errorf("%s: %s %v", dir, got, err)
		}
	}
}

func TestEnsureStateDir(t *testing.T) {
	e := testEnv(t, os.Geteuid())
	e.Getenv = func(string) string { return "" }
	dir := e.tmpStateDir()
	e.State = dir
	for _, c := range []struct {
		prepare func()
		want    string
	}{
		{func() {}, ""},
		{func() {}, ""}, // a second time
		{func() { os.Chmod(dir, 0o711) }, "others may look"},
		{func() { os.Remove(dir); os.Symlink(t.TempDir(), dir) }, "no directory"},
		{func() { os.Remove(dir); os.WriteFile(dir, nil, 0o600) }, "no directory"},
	} {
		c.prepare()
		_, err := e.EnsureStateDir()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q: %v", c.want, err)
		}
	}
	os.Remove(dir)
	os.Mkdir(dir, 0o700)
	e.Uid++
	e.State = filepath.Join(e.Root, "tmp", "mosix-"+"x")
	os.Mkdir(e.State, 0o777)
	if _, err := e.EnsureStateDir(); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("foreign: %v", err)
	}
	e.State = "/" + strings.Repeat("x", 120)
	if _, err := e.EnsureStateDir(); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("long: %v", err)
	}
}

func TestFindDaemon(t *testing.T) {
	e := testEnv(t, os.Geteuid(), "XDG_STATE_HOME="+t.TempDir(), "XDG_RUNTIME_DIR="+t.TempDir())
	if _, err := e.FindDaemon(nil); !errors.Is(err, ErrNoDaemon) {
		t.Fatalf("none: %v", err)
	}
	local, _ := e.LocalNode(1)
	for _, dir := range []string{local, e.ownStateDir()} {
		os.MkdirAll(dir, 0o700)
		path, _ := SocketPath(dir)
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if got, err := e.FindDaemon(nil); err != nil || got != dir {
			t.Errorf("found %s, %v, want %s", got, err, dir)
		}
	}
	e.State = t.TempDir()
	if got, err := e.FindDaemon(nil); !errors.Is(err, ErrNoDaemon) || got != e.State {
		t.Errorf("told: %s, %v", got, err)
	}
}

func TestUserWithoutDaemonFindsRoots(t *testing.T) {
	e := testEnv(t, os.Geteuid()+1000)
	got := e.Candidates()
	if len(got) != 2 || got[0] != e.Root+"/run/mosix" {
		t.Errorf("candidates %v", got)
	}
}
