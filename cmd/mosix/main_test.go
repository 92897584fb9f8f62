package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be every command of the scripts.
func TestMain(m *testing.M) {
	commands := map[string]func(){"mosix": main}
	for name := range tools() {
		commands[name] = main
	}
	testscript.Main(m, commands)
}

// TestScripts runs testdata/*.txtar: one for each promise of the command line.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			for _, dir := range []string{"home", "run"} {
				if err := os.Mkdir(filepath.Join(env.WorkDir, dir), 0o700); err != nil {
					return err
				}
			}
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("XDG_RUNTIME_DIR", filepath.Join(env.WorkDir, "run"))
			env.Setenv("MOSIX_CONFIG", filepath.Join(env.WorkDir, "config"))
			// A daemon that runs on this machine is none of a test's business.
			env.Setenv("MOSIX_STATE", filepath.Join(env.WorkDir, "state"))
			return nil
		},
	})
}
