package snapshot

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"umosix/tracer/abi"
)

// started is a program of testdata that runs and has said where its flags lie.
type started struct {
	goFlag, rounds abi.Addr
	pid            abi.LocalPid
}

// start starts a program and waits until it is ready.
func start(t *testing.T, path string, args ...string) started {
	t.Helper()
	p, err := tryStart(t, path, args...)
	if err != nil {
		t.Fatalf("start %s: %v", strings.Join(append([]string{path}, args...), " "), err)
	}
	return p
}

// tryStart is start for programs that may not find what they need.
func tryStart(t *testing.T, path string, args ...string) (p started, err error) {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return p, err
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	_, err = fmt.Fscanf(out, "%v %v %d\n", &p.goFlag, &p.rounds, &p.pid)
	return p, err
}
