package snapshot

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
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

// tryStart is start for programs that may not find what they need. The thread
// that starts a program is kept busy until the program has ended: were it to
// become the thread of another tracer, that tracer's wait would take stops of the
// program, because a natural parent waits for those too (man ptrace does not say
// so; kernel/exit.c, wait_consider_task).
func tryStart(t *testing.T, path string, args ...string) (p started, err error) {
	t.Helper()
	ready, end, gone := make(chan error), make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(gone)
		cmd := exec.Command(path, args...)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			ready <- err
			return
		}
		_, err = fmt.Fscanf(out, "%v %v %d\n", &p.goFlag, &p.rounds, &p.pid)
		ready <- err
		<-end
		cmd.Process.Kill()
		cmd.Wait()
	}()
	t.Cleanup(func() {
		close(end)
		<-gone
	})
	err = <-ready
	return p, err
}
