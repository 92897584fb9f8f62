package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
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
			if err := writeImage(filepath.Join(env.WorkDir, "sleep.image")); err != nil {
				return err
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

// writeImage writes the image of a small process into a file.
func writeImage(path string) error {
	img := &image.Image{
		Version: image.Version,
		Process: image.Process{Pid: 4711, Comm: "sleep", Window: [2]abi.Addr{0x5f0000000000, 0x5f0004020000}, CPUs: abi.CPUSet{1}},
		Tasks:   []image.Task{{Tid: 4711, Regs: make([]byte, tracer.RegsSize), Xstate: make([]byte, 832), Comm: "sleep", Call: image.PendingCall{Nr: -1}}},
		Mappings: []image.Mapping{{Start: 0x500000, End: 0x510000, Prot: unix.PROT_READ | unix.PROT_WRITE,
			Flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, File: -1, Name: "[heap]"}},
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	w, err := image.NewWriter(file, img)
	if err != nil {
		return err
	}
	batch := image.NewBatch(-1, []image.Run{{Addr: 0x500000, Pages: 1}}, make([]byte, abi.PageSize), image.NewCompressor(0))
	if err := w.WriteBatch(&batch); err != nil {
		return err
	}
	return w.Close()
}
