package equivalence

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umosix/tests/harness"
)

// standing are the reasons for which a process at home does not leave, as users read
// them, and goes when they are gone.
var standing = map[string]string{
	"shared": "shares memory with process", "opened": "shares a file that process", "large": "shares writable memory (", "file": "shares a file that may be changed", "file-rw": "shares memory that may be made writable",
	"sysv": "shares System V memory", "aio": "uses asynchronous I/O", "uring": "uses io_uring",
	"userfaultfd": "handles its own page faults", "secret": "has secret memory", "view": "looks at its own memory",
	"inherited": "shares writable memory with process", "device": "has a device mapped (anon_inode:[perf_event])", "huge": "uses huge pages of a pool",
	"itimer": "has a timer that counts its CPU time (setitimer)", "timer": "has a timer that counts its CPU time (timer_create)",
	"counter": "may not read the time stamp counter", "cpuid": "may not execute cpuid", "dispatch": "dispatches its own system calls",
	"limit": "limits its CPU time", "behind": "has a deleted file mapped behind its end",
	"deleted": "has a deleted file mapped and open to write",
	"child":   "has a child that runs in its memory", "traced": "is traced by process",
}

// passing are the reasons for which a process comes home from the node that it was started
// on, and goes there again.
var passing = map[string]string{
	"locked": "it locks memory", "32-bit": "it makes 32-bit system calls", "unknown": "unknown system call 5000",
	"cut": "a file that it has mapped has changed", "policy": "it calls set_mempolicy: memory policy", "looked": "it looks at its own memory",
}

// TestPinned has processes with each reason to stay at home: it is told by migrate, mosps,
// mosrun -w and --report, the program ends as natively, and moves when the reason is gone.
func TestPinned(t *testing.T) {
	program := compileData(t, "pinned", "-O1", "-D_GNU_SOURCE")
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			n := harness.Start(t, harness.Cluster{Nodes: 2, User: user}).Node(1)
			for name, reason := range standing {
				t.Run(name, func(t *testing.T) {
					p := startPinned(t, n, "mosrun", "-w", "--report", "--", program, name)
					err := n.Migrate(p.job.Pid, "2")
					if err == nil || !strings.Contains(err.Error(), "pinned: "+reason) {
						t.Errorf("migrate says: %v", err)
					}
					p.isPinned(t, n, reason)
					p.goOn(t, "off")
					if err := harness.Poll(awayLimit, func() error { return n.Migrate(p.job.Pid, "2") }); err != nil {
						t.Error(err)
					}
					p.ends(t, reason)
				})
			}
			for name, reason := range passing {
				t.Run(name, func(t *testing.T) {
					p := startPinned(t, n, "mosrun", "-w", "--report", "-2", "--", program, name)
					p.isAway(t, n)
					p.goOn(t, "off")
					p.isAway(t, n)
					p.ends(t, reason)
				})
			}
		})
	}
}

// pinned is a program that says what it has, and goes on when it is told.
type pinned struct {
	job   *harness.Job
	said  *bufio.Scanner
	input *os.File
}

// startPinned starts it where there is a file to map; it is skipped where the machine
// lacks what it needs.
func startPinned(t *testing.T, n *harness.Node, args ...string) *pinned {
	t.Helper()
	dir, err := n.WorkDir()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if err := os.WriteFile(data, append([]byte("text"), make([]byte, 4092)...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := n.Own(data); err != nil {
		t.Fatal(err)
	}
	stdin, input, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	output, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	job, err := n.Start(harness.Command{Args: args, Dir: dir, Stdin: stdin, Stdout: stdout})
	stdin.Close()
	stdout.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := output.SetReadDeadline(time.Now().Add(runLimit)); err != nil {
		t.Fatal(err)
	}
	p := &pinned{job: job, said: bufio.NewScanner(output), input: input}
	t.Cleanup(func() {
		input.Close()
		job.Wait()
		output.Close()
		os.RemoveAll(dir)
	})
	if p.said.Scan(); p.said.Text() != "on" {
		t.Skipf("not on this machine: %s", p.said.Text())
	}
	return p
}

// goOn has the program go on until it says so.
func (p *pinned) goOn(t *testing.T, until string) {
	t.Helper()
	if _, err := p.input.Write([]byte{'\n'}); err != nil {
		t.Fatal(err)
	}
	if p.said.Scan(); p.said.Text() != until {
		t.Fatalf("it says %q (%v), not %q", p.said.Text(), p.said.Err(), until)
	}
}

// find is the process as mosps shows it.
func (p *pinned) find(n *harness.Node) (found harness.Process, err error) {
	list, err := n.Ps()
	for _, other := range list {
		if other.Pid == p.job.Pid {
			return other, nil
		}
	}
	return found, fmt.Errorf("mosps does not list %d (%v)", p.job.Pid, err)
}

func (p *pinned) isPinned(t *testing.T, n *harness.Node, reason string) {
	t.Helper()
	switch found, err := p.find(n); {
	case err != nil:
		t.Error(err)
	case found.Pinned == nil || !strings.Contains(*found.Pinned, reason):
		t.Errorf("mosps shows it %+v", found)
	}
}

// isAway waits until the process is away, and pinned no more.
func (p *pinned) isAway(t *testing.T, n *harness.Node) {
	t.Helper()
	err := harness.Poll(awayLimit, func() error {
		found, err := p.find(n)
		if err == nil && (found.Where != 2 || found.Pinned != nil) {
			err = fmt.Errorf("mosps shows it %+v", found)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// ends has the program end, as it does natively; mosrun has told the reason meanwhile.
func (p *pinned) ends(t *testing.T, reason string) {
	t.Helper()
	if _, err := p.input.Write([]byte{'\n'}); err != nil {
		t.Fatal(err)
	}
	r := p.job.Wait()
	if r.Err != nil || r.Exit != 7 {
		t.Error(r)
	}
	if !bytes.Contains(r.Stderr, []byte("pinned: "+reason)) {
		t.Errorf("mosrun -w tells nothing of it: %s", r.Stderr)
	}
	if !bytes.Contains(r.Stderr, []byte(" times: "+reason)) {
		t.Errorf("the report tells nothing of it: %s", r.Stderr)
	}
}

// TestRefusedAtStart starts a program on a node that it may not leave its home for: it runs
// at home, at once, also while others of its job are away.
func TestRefusedAtStart(t *testing.T) {
	program := compileData(t, "filtered")
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			n := harness.Start(t, harness.Cluster{Nodes: 2, User: user}).Node(1)
			r := n.Run("mosrun", "-w", "-2", "--", "sh", "-c", `sleep 86400 & "$1" mosrun -w -2 echo inside; kill $!`, "sh", program)
			if !r.OK() || string(r.Stdout) != "inside\n" {
				t.Error(r)
			}
			if !bytes.Contains(r.Stderr, []byte("refused: pinned: has a seccomp filter of its own")) {
				t.Errorf("mosrun -w says: %s", r.Stderr)
			}
		})
	}
}
