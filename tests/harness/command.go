package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Command is something to run on a node.
type Command struct {
	Args  []string
	Dir   string        // of the node's file system; empty: the node's home directory
	Env   []string      // more variables; the node's own are always there
	Stdin io.Reader     // nil: /dev/null
	Limit time.Duration // 0: DefaultLimit
	// Files, if set, are used instead of buffers, and Result has no output then.
	Stdout, Stderr *os.File
	// Tty, if set, is the process's controlling terminal and its three streams.
	Tty *os.File
}

// DefaultLimit is how long a command may run unless it says otherwise.
const DefaultLimit = 60 * time.Second

// drainLimit is how long the output of a dead process may stay open: a daemon that
// keeps a job's descriptors shows here.
const drainLimit = 5 * time.Second

// Result is how a command ended.
type Result struct {
	Args           []string
	Stdout, Stderr []byte
	Exit           int            // status, or -1 when a signal ended it
	Signal         syscall.Signal // that ended it, or 0
	Time           time.Duration
	Err            error // it could not be started, or went over its limit
}

// OK tells whether the command ran and exited with 0.
func (r Result) OK() bool { return r.Err == nil && r.Exit == 0 }

// Status is the end of the process in words.
func (r Result) Status() string {
	switch {
	case r.Err != nil:
		return r.Err.Error()
	case r.Signal != 0:
		return "signal " + r.Signal.String()
	}
	return fmt.Sprintf("exit %d", r.Exit)
}

// String is for messages of failed tests: command, status, and its output's ends.
func (r Result) String() string {
	return fmt.Sprintf("%s: %s\nstdout: %s\nstderr: %s",
		strings.Join(r.Args, " "), r.Status(), tail(r.Stdout, 2000), tail(r.Stderr, 2000))
}

func tail(b []byte, n int) []byte {
	b = bytes.TrimRight(b, "\n")
	if len(b) <= n {
		return b
	}
	return append([]byte("…"), b[len(b)-n:]...)
}

// Job is a command that runs.
type Job struct {
	// Pid is the process's number on its node.
	Pid int

	cmd            *exec.Cmd
	args           []string
	stdout, stderr bytes.Buffer
	cancel         context.CancelFunc
	result         Result
	done           chan struct{}
	begun          time.Time
	inner          int // in a namespaced node: the command's pid as this machine sees it
}

// Done is closed when the process has ended and its output is complete.
func (j *Job) Done() <-chan struct{} { return j.done }

// Wait waits for the end, which comes at the latest with the command's limit.
func (j *Job) Wait() Result {
	<-j.done
	return j.result
}

// Ended tells whether the job is over.
func (j *Job) Ended() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// start starts cmd, whose process is registered with the reaper, and ends it with
// its whole session when its limit is over.
func start(cmd *exec.Cmd, c Command) (*Job, error) {
	limit := c.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	j := &Job{cmd: cmd, args: c.Args, done: make(chan struct{}), cancel: cancel}
	c.streams(j)
	cmd.WaitDelay = drainLimit
	j.begun = time.Now()
	if err := startOwned(cmd); err != nil {
		cancel()
		return nil, err
	}
	j.Pid = cmd.Process.Pid
	go j.watch(ctx, limit)
	return j, nil
}

// streams connects the standard descriptors and makes the process a session of its
// own, so that its end can be forced on everything in it.
func (c Command) streams(j *Job) {
	cmd := j.cmd
	cmd.SysProcAttr.Setsid = true
	if c.Tty != nil {
		cmd.SysProcAttr.Setctty = true
		cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Tty, c.Tty, c.Tty
		return
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, &j.stdout, &j.stderr
	if c.Stdout != nil {
		cmd.Stdout = c.Stdout
	}
	if c.Stderr != nil {
		cmd.Stderr = c.Stderr
	}
}

func (j *Job) watch(ctx context.Context, limit time.Duration) {
	over := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		killTree(j.cmd.Process.Pid)
		close(over)
	})
	err := j.cmd.Wait()
	ended := time.Since(j.begun)
	j.result = Result{Args: j.args, Stdout: j.stdout.Bytes(), Stderr: j.stderr.Bytes(), Time: ended, Exit: -1}
	if !stopped() {
		<-over
		j.result.Err = fmt.Errorf("still running after %v, killed", limit)
	}
	j.cancel()
	disown(j.cmd.Process.Pid)
	j.describe(err)
	close(j.done)
}

func (j *Job) describe(err error) {
	if errors.Is(err, exec.ErrWaitDelay) && j.result.Err == nil {
		j.result.Err = fmt.Errorf("ended, but %v later somebody still held its output", drainLimit)
	}
	if s, ok := j.cmd.ProcessState.Sys().(syscall.WaitStatus); ok {
		if s.Signaled() {
			j.result.Signal = s.Signal()
		} else {
			j.result.Exit = s.ExitStatus()
		}
	}
}

// runBounded runs a helper of the harness itself and returns its output.
func runBounded(cmd *exec.Cmd, limit time.Duration) ([]byte, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	j, err := start(cmd, Command{Args: cmd.Args, Limit: limit})
	if err != nil {
		return nil, err
	}
	r := j.Wait()
	out := append(r.Stdout, r.Stderr...)
	if !r.OK() {
		return out, fmt.Errorf("%s: %s", strings.Join(cmd.Args, " "), r.Status())
	}
	return out, nil
}

// RunHelper runs a tool of the test itself (a compiler, tc) on the machine, not on
// a node, and returns its output.
func RunHelper(limit time.Duration, env []string, args ...string) ([]byte, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	return runBounded(cmd, limit)
}
