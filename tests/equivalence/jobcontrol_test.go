package equivalence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"umosix/tests/harness"
)

// act is what is typed at a terminal, and what must show, or happen, before the next one.
type act struct {
	typed string
	until string // a regular expression that what is shown since then matches; "": the prompt
	job   bool   // and the terminal is given to a job of the shell
	lines uint16 // instead of typing: the terminal gets so many lines
}

const (
	prompt   = `\[[0-9]+\]> $`
	answered = `up\r\n$`
	sleeper  = "sh -c 'echo up; exec sleep 100'\n"
	// What the shell shows of a job that it gives the terminal to. It has to be read before a
	// key that sends a signal is typed: that drops what is not (man 3 termios, NOFLSH).
	sleeps = `sleep 100'\r\n$`
	copies = `cat\r\n$`
	ctrlC  = "\x03"
	ctrlD  = "\x04"
	ctrlZ  = "\x1a"
	// A job in the background that uses the terminal stops some time later.
	untilStopped = ` until [ "$(jobs -s)" ]; do :; done` + "\n"
	untilNone    = ` while [ "$(jobs -s)" ]; do :; done` + "\n"
)

// play is one after the other what a user does with jobs.
var play = []act{
	{},
	{typed: sleeper, until: answered}, {typed: ctrlC},
	{typed: sleeper, until: answered}, {typed: ctrlZ},
	{typed: "jobs\n"}, {typed: "bg\n"}, {typed: "jobs\n"}, {typed: "fg\n", until: sleeps, job: true}, {typed: ctrlC},
	{typed: "cat | cat | cat\n", until: copies, job: true}, {typed: "one\n", until: `one\r\none\r\n$`}, {typed: ctrlZ},
	{typed: "jobs\n"}, {typed: "fg\n", until: copies, job: true}, {typed: "two\n", until: `two\r\ntwo\r\n$`}, {typed: ctrlD},
	{typed: sleeper, until: answered}, {typed: ctrlZ}, {typed: sleeper, until: answered}, {typed: ctrlZ},
	{typed: "jobs\n"}, {typed: "fg %1\n", until: sleeps, job: true}, {typed: ctrlC}, {typed: "kill -KILL %2;" + untilNone}, {typed: "jobs\n"},
	{typed: "cat &" + untilStopped}, {typed: "fg\n", until: copies, job: true}, {typed: "three\n", until: `three\r\nthree\r\n$`}, {typed: ctrlD},
	{typed: "stty tostop\n"}, {typed: "echo out &" + untilStopped}, {typed: "fg\n"}, {typed: "stty -tostop\n"},
	{typed: "stty -a\n"},
	{typed: "stty -echo; echo up; read -r x; stty echo; echo \"<$x>\"\n", until: answered}, {typed: "secret\n"},
	{typed: "sh -c 'trap \"stty size; exit 7\" WINCH; echo up; while :; do sleep 0.05; done'\n", until: answered}, {lines: 30},
	{typed: "(sleep 0.2; exit 5) | cat; echo ${PIPESTATUS[@]}\n"},
	{typed: "sh -c 'kill -STOP $$; echo on'\n"}, {typed: "fg\n"},
	{typed: "sh -c 'trap \"echo hup >hup; exit\" HUP; echo >up; while :; do sleep 0.01; done' & until [ -e up ]; do :; done\n"},
}

// TestJobControl plays with an interactive shell at a terminal, natively, at home, away,
// and while the shell and its jobs are moved: the terminal shows the same, and hanging up
// ends all of them.
func TestJobControl(t *testing.T) {
	list := []world{
		{name: "home", flags: []string{}, home: true},
		{name: "home-early", flags: []string{"--early-attach"}, home: true},
		{name: "away", flags: []string{"-2"}},
	}
	seeds := harness.Seeds()
	if testing.Short() {
		seeds = seeds[:2]
	}
	for _, seed := range seeds {
		list = append(list, world{name: fmt.Sprintf("shaken-%d", seed), flags: []string{"--shake", "20ms", "--seed", fmt.Sprint(seed)}})
	}
	stormClusters(t, func(t *testing.T, c *harness.Nodes) {
		want, _ := playIn(t, c.Node(1), native)
		all := 0
		for _, w := range list {
			t.Run(w.name, func(t *testing.T) {
				got, moves := playIn(t, c.Node(1), w)
				t.Logf("%d moves", moves)
				all += moves
				for _, d := range got.differences(want) {
					t.Error(d)
				}
			})
		}
		if all == 0 {
			t.Error("nothing was moved")
		}
		t.Logf("%d bytes shown:\n%s", len(want.stdout), want.stdout)
	})
}

// written tells whether a file is there with its contents.
func written(path string) error {
	text, err := os.ReadFile(path)
	if err == nil && len(text) == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	return err
}

// playIn plays in one world. What the terminal showed is the standard output.
func playIn(t *testing.T, n *harness.Node, w world) (o outcome, moves int) {
	t.Helper()
	dir, err := n.WorkDir()
	if err != nil {
		t.Fatal(err)
	}
	s := openStage(t)
	j := job{args: []string{"bash", "--norc", "--noprofile", "-i"}}
	w.report = dir + ".report"
	running, err := n.Start(harness.Command{Args: w.line(j), Dir: dir, Tty: s.terminal, Limit: playLimit,
		Env: []string{"PS1=[$?]> ", "HISTFILE=", "INPUTRC=/dev/null"}})
	s.terminal.Close()
	if err != nil {
		t.Fatal(err)
	}
	s.shell = running.Pid
	go s.read()
	for i, a := range play {
		if err := s.do(a); err != nil {
			t.Errorf("act %d, %q: %v; shown: %q", i, a.typed, err, s.text())
			break
		}
	}
	shown := s.text()
	if err := unix.Kill(s.shell, unix.SIGHUP); err != nil { // else it might end by what it reads
		t.Error(err)
	}
	s.master.Close() // the line is cut
	r := running.Wait()
	if err := harness.Poll(actLimit, func() error { return written(filepath.Join(dir, "hup")) }); err != nil {
		t.Errorf("a job in the background did not hear of the hang-up: %v", err)
	}
	r.Stdout = pids.ReplaceAll([]byte(shown), []byte("$1 PID"))
	o, err = outcomeOf(r, dir)
	if err == nil && w.reports(j) {
		var said report
		said, err = readReport(w.report)
		moves = said.Moves
	}
	if err != nil {
		t.Fatal(err)
	}
	return o, moves
}

// pids are the numbers of processes that a shell shows.
var pids = regexp.MustCompile(`(\[[0-9]+\]) [0-9]+`)

// actLimit bounds the wait after each act, playLimit all of them.
const (
	actLimit  = 30 * time.Second
	playLimit = 2 * time.Minute
)

// stage is a terminal, with what it has shown.
type stage struct {
	master, terminal *os.File
	shell            int

	sync.Mutex
	shown []byte
}

func openStage(t *testing.T) *stage {
	t.Helper()
	opened, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	// A file of its own that does not block: closing it ends a read that is under way.
	fd, err := unix.FcntlInt(opened.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{master: os.NewFile(uintptr(fd), opened.Name()), terminal: terminal}
	if err := s.resize(24); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.master.Close() })
	return s
}

// control does something with the descriptor of the terminal's other end.
func (s *stage) control(f func(fd int) error) error {
	conn, err := s.master.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) { failed = f(int(fd)) })
	return errors.Join(err, failed)
}

func (s *stage) resize(lines uint16) error {
	return s.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: 200})
	})
}

// read reads what is shown until the terminal is closed.
func (s *stage) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.master.Read(buf)
		s.Lock()
		s.shown = append(s.shown, buf[:n]...)
		s.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *stage) text() string {
	s.Lock()
	defer s.Unlock()
	return string(s.shown)
}

// do does one act and waits until its effect can be seen.
func (s *stage) do(a act) (err error) {
	from := len(s.text())
	switch {
	case a.lines > 0:
		err = s.resize(a.lines)
	default:
		_, err = s.master.WriteString(a.typed)
	}
	if err != nil {
		return err
	}
	if a.until == "" {
		a.until = prompt
	}
	until := regexp.MustCompile(a.until)
	return harness.Poll(actLimit, func() error {
		if !until.MatchString(s.text()[from:]) {
			return fmt.Errorf("%q is not shown", a.until)
		}
		if a.job {
			return s.givenAway()
		}
		return nil
	})
}

// givenAway tells whether a job has the terminal, and the shell waits for it.
func (s *stage) givenAway() error {
	return s.control(func(fd int) error {
		group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		if err == nil && group == s.shell {
			err = errors.New("the shell has its terminal")
		}
		return err
	})
}
