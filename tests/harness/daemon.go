package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// daemonLimit is the most that a daemon of a test lives: no test leaves one behind
// even if its end is never asked for.
const daemonLimit = 7 * time.Hour

// stopLimit is how long a daemon may take to end after SIGTERM: it sends guests
// away and brings its own processes home.
const stopLimit = 20 * time.Second

// logTail is how much of a daemon's log is shown when a test fails.
const logTail = 2 << 10

// daemon is the mosd of a node.
type daemon struct {
	sync.Mutex
	job *Job
	pid int // on this machine
}

func (d *daemon) running() bool {
	d.Lock()
	defer d.Unlock()
	return d.job != nil && !d.job.Ended()
}

func (n *Node) logPath() string { return filepath.Join(n.c.dir, fmt.Sprintf("mosd-%d.log", n.ID)) }

// mosdLine is the command line of the node's daemon.
func (n *Node) mosdLine() []string {
	line := []string{"mosd", "--node", strconv.Itoa(n.ID), "-v", "--false-clock=" + at(n.c.value.Clocks, n.ID).String()}
	if slices.Contains(n.c.value.WeakCages, n.ID) {
		line = append(line, "--weak-cage")
	}
	return line
}

// StartMosd starts the node's daemon, the first time or again after its death, and
// waits until its socket answers.
func (n *Node) StartMosd() error {
	log, err := os.OpenFile(n.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	owner := n.As(n.c.value.User)
	job, err := owner.Start(Command{
		Args: n.mosdLine(), Limit: daemonLimit, Stdout: log, Stderr: log,
		Env: []string{"XDG_CACHE_HOME=" + filepath.Join(n.Dir(), "cache")},
	})
	if err != nil {
		return fmt.Errorf("start mosd of node %d: %w", n.ID, err)
	}
	n.daemon.Lock()
	n.daemon.job, n.daemon.pid = job, job.outer()
	n.daemon.Unlock()
	if err := Poll(startLimit, n.answers); err != nil {
		return fmt.Errorf("mosd of node %d is not ready: %w\n%s", n.ID, err, n.Log())
	}
	return nil
}

// answers tells whether the daemon's socket serves requests.
func (n *Node) answers() error {
	if !n.daemon.running() {
		return fmt.Errorf("mosd ended: %s", n.daemon.job.Wait().Status())
	}
	if !exists(filepath.Join(n.stateDir(), "mosd.sock")) {
		return fmt.Errorf("no socket yet")
	}
	_, err := n.status()
	return err
}

// status is the part of `mosctl status --json` that the harness needs.
type status struct {
	Node  int `json:"node"`
	Peers []struct {
		Node int  `json:"node"`
		Up   bool `json:"up"`
	} `json:"peers"`
}

func (n *Node) status() (s status, err error) {
	r := n.As(n.c.value.User).Do(Command{Args: []string{"mosctl", "status", "--json"}, Limit: 10 * time.Second})
	if !r.OK() {
		return s, fmt.Errorf("%v", r)
	}
	if err := json.Unmarshal(r.Stdout, &s); err != nil {
		return s, fmt.Errorf("mosctl status --json: %w in %q", err, r.Stdout)
	}
	return s, nil
}

// seesAll tells whether the daemon sees every other running daemon.
func (n *Node) seesAll() error {
	s, err := n.status()
	if err != nil {
		return err
	}
	up := map[int]bool{n.ID: true}
	for _, p := range s.Peers {
		up[p.Node] = up[p.Node] || p.Up
	}
	for _, other := range n.c.nodes {
		if other.daemon.running() && !up[other.ID] {
			return fmt.Errorf("node %d does not see node %d", n.ID, other.ID)
		}
	}
	return nil
}

// StopMosd asks the daemon to end and kills it when it does not; that, and a
// status other than 0, fails the test.
func (n *Node) StopMosd() {
	n.daemon.Lock()
	job, pid := n.daemon.job, n.daemon.pid
	n.daemon.Unlock()
	if job == nil || job.Ended() {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	select {
	case <-job.Done():
		if r := job.Wait(); !r.OK() && !n.c.t.Failed() {
			n.c.t.Errorf("mosd of node %d after SIGTERM: %s", n.ID, r.Status())
		}
	case <-time.After(stopLimit):
		n.c.t.Errorf("mosd of node %d did not end within %v of SIGTERM", n.ID, stopLimit)
		killTree(pid)
		job.Wait()
	}
}

// Log is the end of the daemon's log, of all its lives.
func (n *Node) Log() string { return logEnd(n.logPath()) }

// logs are the files in which the node's daemon and the halves of jobs log.
func (n *Node) logs() map[string]string {
	return map[string]string{
		"mosd":     n.logPath(),
		"deputy":   filepath.Join(n.stateDir(), "deputy.log"),
		"executor": filepath.Join(n.stateDir(), "executor.log"),
	}
}

// warnings is the end of what a log holds beside lines of information: also the stacks
// of a half that was left behind.
func warnings(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	var kept []byte
	for line := range bytes.Lines(data) {
		if !bytes.Contains(line, []byte(`"level":"debug"`)) && !bytes.Contains(line, []byte(`"level":"info"`)) {
			kept = append(kept, line...)
		}
	}
	return string(tail(kept, 8*logTail))
}

func logEnd(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(tail(data, logTail))
}
