package faults

import (
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"umosix/tests/harness"
)

// What a node refuses is said in one line, and the job goes on at home.
func TestRefusals(t *testing.T) {
	clusters(t, harness.Loopback, 2, func(t *testing.T, c *harness.Nodes) {
		near, far := c.Node(home), c.Node(away)
		conf, err := far.ReadConfig("mosix.conf")
		if err != nil {
			t.Fatal(err)
		}
		j := startMemory(t, near, 64)
		for _, refusal := range []struct {
			name, file, text, line string
		}{
			{"no guests", "mosix.conf", conf + "guests no\n", `node 2 refuses: it takes no guests \(guests no in its mosix\.conf\)`},
			{"others' guests", "mosix.conf", conf + "guests 65533\n", `node 2 refuses: it takes no guests of uid \d+ .*`},
			{"full", "mosix.conf", conf + "memory-reserve 10000000\n", `node 2 refuses: it is full: \d+ MB of its memory are free and the process has \d+ MB \(memory-reserve 10000000 .*\)`},
			{"another secret", "secret", strings.Repeat("0f", 32) + "\n", `node 2 is down: last heard of \d+s ago`},
		} {
			before := change(t, far, refusal.file, refusal.text)
			expectRefusal(t, near, j.Job, refusal.name, refusal.line)
			change(t, far, refusal.file, before)
		}
		if err := c.WaitConnected(startLimit); err != nil {
			t.Fatal(err)
		}
		if err := near.Migrate(j.Pid, "2"); err != nil {
			t.Errorf("when nothing is refused any more: %v", err)
		}
		j.end(t, near)
		if err := (&round{nodes: c}).clean(); err != nil {
			t.Error(err)
		}
	})
}

// change gives a node another file of configuration, which holds from its daemon's
// next life on, and returns what was there.
func change(t *testing.T, n *harness.Node, file, text string) (before string) {
	t.Helper()
	n.StopMosd()
	before, err := n.ReadConfig(file)
	if err == nil {
		err = n.WriteConfig(file, text, 0o600)
	}
	if err == nil {
		err = n.StartMosd()
	}
	if err != nil {
		t.Fatal(err)
	}
	return before
}

// expectRefusal tries to move a job and finds it at home, with the reason in one line.
func expectRefusal(t *testing.T, n *harness.Node, j *harness.Job, name, line string) {
	t.Helper()
	want := regexp.MustCompile(`^migrate: process ` + strconv.Itoa(j.Pid) + ` did not go to node 2: ` + line + `\n$`)
	r := n.Run("migrate", strconv.Itoa(j.Pid), "2")
	if r.Exit != 1 || !want.Match(r.Stderr) {
		t.Errorf("%s: %v", name, r)
	}
	expectAt(t, n, j, "home")
}

// memoryJob checks its memory over and over until it is told to end.
type memoryJob struct {
	*harness.Job
	out *os.File // what it prints
}

// startMemory starts one with so many megabytes.
func startMemory(t *testing.T, n *harness.Node, megabytes int) memoryJob {
	t.Helper()
	const program = `
import hashlib, random, signal, sys
source = random.Random(1)
block = bytearray().join(source.randbytes(1 << 20) for _ in range(int(sys.argv[1])))
want, going = hashlib.sha1(block).digest(), True
def end(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while going:
    if hashlib.sha1(block).digest() != want:
        sys.exit("a byte is wrong")
print("right")
`
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	defer in.Close()
	j, err := n.Start(harness.Command{
		Args:   []string{"mosrun", "-q", "--grace", grace.String(), "--", "/usr/bin/python3", "-c", program, strconv.Itoa(megabytes)},
		Stdout: in, Limit: 3 * time.Minute,
	})
	if err == nil {
		t.Cleanup(func() { // of a test that fails half way
			n.Run("kill", "-KILL", strconv.Itoa(j.Pid))
			j.Wait()
		})
		err = out.SetReadDeadline(time.Now().Add(startLimit))
	}
	ready := make([]byte, len("ready\n"))
	if err == nil {
		_, err = io.ReadFull(out, ready)
	}
	if err != nil {
		t.Fatalf("the job is not ready: %v", err)
	}
	return memoryJob{j, out}
}

// end tells the job to end, and hears whether every byte was right.
func (j memoryJob) end(t *testing.T, n *harness.Node) {
	t.Helper()
	n.Run("kill", "-TERM", strconv.Itoa(j.Pid))
	r := j.Wait()
	var said []byte
	err := j.out.SetReadDeadline(time.Now().Add(startLimit))
	if err == nil {
		said, err = io.ReadAll(j.out)
	}
	if err != nil || !r.OK() || string(said) != "right\n" {
		t.Errorf("the job said %q (%v) and ended with %v", said, err, r)
	}
}

// A daemon refuses to start with what it cannot read, in one line that names the
// place, and leaves alone what there is.
func TestBadConfiguration(t *testing.T) {
	clusters(t, harness.Loopback, 2, func(t *testing.T, c *harness.Nodes) {
		n := c.Node(away)
		n.StopMosd()
		for _, bad := range []struct{ file, text, line string }{
			{"mosix.map", "1 127.0.0.1 1\nrubbish\n", `mosix\.map:2: .+`},
			{"mosix.map", "1 127.0.0.1 2\n2 127.0.0.9 1\n", `mosix\.map:2: .+`},
			{"mosix.map", "1 127.0.0.1 1\n", `mosix\.map: this machine is not in the map: there is no line for node 2.*`},
			{"mosix.conf", "grace 30s\ncolour red\n", `mosix\.conf:2: .*colour.*`},
			{"mosix.conf", "guests perhaps\n", `mosix\.conf:1: .+`},
			{"secret", "short\n", `.*secret.*`},
		} {
			before, err := n.ReadConfig(bad.file)
			if err != nil {
				t.Fatal(err)
			}
			if err := n.WriteConfig(bad.file, bad.text, 0o600); err != nil {
				t.Fatal(err)
			}
			r := n.Do(harness.Command{Args: []string{"mosd", "--node", "2"}, Limit: startLimit})
			if want := regexp.MustCompile(`^mosd: [^\n]*` + bad.line + `\n$`); r.Exit != 1 && r.Exit != 2 || !want.Match(r.Stderr) {
				t.Errorf("%s %q: %v", bad.file, bad.text, r)
			}
			if err := n.WriteConfig(bad.file, before, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.StartMosd(); err != nil {
			t.Error(err)
		}
	})
}

// A peer that stops talking in mid-move costs that move only: the job goes on at
// home, within the grace.
func TestSilenceInMove(t *testing.T) {
	if bestKind() != harness.Namespaced {
		t.Skip("only nodes of their own have cables, and can be slow")
	}
	for _, user := range harness.Users() {
		t.Run(user.String(), func(t *testing.T) {
			slow := harness.Link{Rate: "50mbit"}
			c := harness.Start(t, harness.Cluster{Nodes: 2, Kind: harness.Namespaced, User: user, Links: []harness.Link{slow}})
			near, far := c.Node(home), c.Node(away)
			j := startMemory(t, near, 256) // 40 s on such a line
			for _, silence := range []struct {
				name         string
				strike, mend func() error
			}{
				{"executor stopped", signalExecutors(far, syscall.SIGSTOP), signalExecutors(far, syscall.SIGCONT)},
				{"executor killed", signalExecutors(far, syscall.SIGKILL), nil},
				{"cable pulled", far.Cut, far.Heal},
			} {
				moved := make(chan harness.Result, 1)
				go func() { moved <- near.Run("migrate", strconv.Itoa(j.Pid), "2") }()
				awaitMove(t, c)
				struck := time.Now()
				if err := silence.strike(); err != nil {
					t.Fatal(err)
				}
				r := <-moved
				if took := time.Since(struck); r.Exit != 1 || took > grace+deathLimit {
					t.Errorf("%s: after %v: %v", silence.name, took, r)
				}
				expectAt(t, near, j.Job, "home")
				if silence.mend != nil {
					if err := silence.mend(); err != nil {
						t.Fatal(err)
					}
				}
				if err := (&round{nodes: c}).halves(); err != nil {
					t.Errorf("%s: %v", silence.name, err)
				}
			}
			j.end(t, near)
			if err := (&round{nodes: c}).clean(); err != nil {
				t.Error(err)
			}
		})
	}
}

// awaitMove waits until there is somebody for the process to move to.
func awaitMove(t *testing.T, c *harness.Nodes) {
	t.Helper()
	err := harness.Poll(startLimit, func() error {
		if len(c.Node(away).Pids(harness.Executor)) == 0 {
			return errors.New("there is no executor")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
