package equivalence

import (
	"os"
	"path/filepath"
	"testing"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

// TestHomeIsNotTraced runs, at home, what notices a tracer: a debugger, a leak
// sanitizer, a setuid program, and waits that ignored signals would interrupt.
func TestHomeIsNotTraced(t *testing.T) {
	ignored := filepath.Join(programDir(), "ignored")
	cpu := filepath.Join(programDir(), "cpu")
	if _, err := compiled(); err != nil {
		t.Fatal(err)
	}
	jobs := []job{
		{name: "ignored signals", args: []string{ignored, "500"}},
		{name: "gdb", script: `$A gdb -nx -q -batch -ex 'break main' -ex run -ex 'bt' -ex continue --args ` + cpu +
			` 50 2>&1 | sed 's/process [0-9]*/process N/; s/0x[0-9a-f]*/ADDRESS/g'; echo "$?"`},
		{name: "AddressSanitizer", script: `$A ` + compileData(t, "leak", "-g", "-fsanitize=address") +
			` 2>&1 | sed 's/==[0-9]*==/==N==/; s/0x[0-9a-f]*/ADDRESS/g'`},
	}
	if len(harness.Users()) > 1 {
		jobs = append(jobs, job{name: "setuid", args: []string{setuid(t)}})
	}
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			c := harness.Start(t, harness.Cluster{Nodes: 2, User: user})
			var s summary
			for _, j := range jobs {
				t.Run(j.name, func(t *testing.T) {
					compareJob(t, c.Node(1), j, []world{{name: "home", flags: []string{}, home: true}}, &s)
				})
			}
			t.Log(&s)
		})
	}
}

// compileData builds a program of testdata.
func compileData(t *testing.T, name string, flags ...string) string {
	t.Helper()
	text, err := scripts.ReadFile("testdata/" + name + ".c")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(programDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	path, err := programs.Compile(programDir(), name, text, flags...)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// setuid is a program that belongs to root and has its rights.
func setuid(t *testing.T) string {
	t.Helper()
	path := compileData(t, "rights")
	if err := os.Chmod(path, 0o4755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	return path
}
