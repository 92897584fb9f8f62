package equivalence

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"umosix/tests/harness"
)

// world is a way to run a job.
type world struct {
	name  string
	flags []string // of mosrun; nil: natively
	moves []string // places that it is moved to while it runs
	seed  int64    // of a shaken run
	home  bool     // it does not move
	away  bool     // it must be away at half time

	report string // file for mosrun's report
}

// native is the oracle.
var native = world{name: "native"}

// worlds are all others; the shaken one once per seed.
func worlds(seeds []int64) []world {
	list := []world{
		{name: "home", flags: []string{}, home: true},
		{name: "home-early", flags: []string{"--early-attach"}, home: true},
		{name: "away", flags: []string{"-2"}, away: true},
		{name: "moved", flags: []string{}, moves: []string{"2", "3", "home"}},
	}
	for _, seed := range seeds {
		s := strconv.FormatInt(seed, 10)
		list = append(list, world{
			name: "shaken-" + s, flags: []string{"--shake", "50ms", "--seed", s}, seed: seed,
		})
	}
	return list
}

// line is the command line of the job in this world.
func (w world) line(j job) []string {
	if j.script != "" {
		return []string{"sh", "-c", j.script}
	}
	if w.flags == nil {
		return j.args
	}
	line := w.mosrun()
	if w.reports(j) {
		line = append(line, "--report=json", "--report-file", w.report)
	}
	return append(append(line, "--"), j.args...)
}

// reports tells whether mosrun shall report: at home nothing of it is wanted, and a
// pipeline would have several.
func (w world) reports(j job) bool { return w.flags != nil && !w.home && j.script == "" }

// reportLimit is how long after a job's end its report may come.
const reportLimit = 10 * time.Second

// report is what mosrun reports of a job, as far as it is looked at.
type report struct {
	Moves  int               `json:"moves"`
	Freeze float64           `json:"freeze_seconds"` // of all moves
	Calls  map[string]uint64 `json:"calls"`
}

// readReport reads the report of a job that has ended.
func readReport(path string) (report report, err error) {
	defer os.Remove(path)
	err = harness.Poll(reportLimit, func() error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return json.Unmarshal(data, &report)
	})
	if err != nil {
		return report, fmt.Errorf("the report of mosrun: %w", err)
	}
	return report, nil
}

// mosrun is quiet about processes that cannot go away; at home there is nothing to
// warn of.
func (w world) mosrun() []string {
	if w.home {
		return append([]string{"mosrun"}, w.flags...)
	}
	return append([]string{"mosrun", "-q"}, w.flags...)
}

// environ sets what stands before the two jobs of a pipeline: an empty word
// natively, else mosrun; away they run on different nodes.
func (w world) environ(j job) []string {
	if j.script == "" || w.flags == nil {
		return []string{"A=", "B="}
	}
	a := strings.Join(w.mosrun(), " ")
	return []string{"A=" + a, "B=" + strings.ReplaceAll(a, "-2", "-3")}
}

// trace is what happened to a run besides its outcome.
type trace struct {
	moves int    // as mosrun reports them
	note  string // why it was not where it should have been
	time  time.Duration
}

// follow moves a running job as the world wants it, with an eighth of its native
// time before each move: moving takes time, too. A refusal is noted unless the job
// has ended meanwhile.
func (w world) follow(n *harness.Node, running *harness.Job, native time.Duration) (tr trace) {
	if w.away {
		tr.note = whyHome(n, running, native/2)
	}
	if len(w.moves) > 0 && !known(n, running) {
		return tr
	}
	for _, to := range w.moves {
		select {
		case <-running.Done():
			return tr
		case <-time.After(native / 8):
		}
		if err := n.Migrate(running.Pid, to); err != nil {
			if strings.Contains(err.Error(), "pinned") || !endsSoon(running) {
				tr.note = fmt.Sprintf("to %s: %v", to, firstLine(err))
			}
		}
	}
	return tr
}

// known waits until the daemon knows the job: mosrun may not have come so far. It
// reports false if the job has ended before.
func known(n *harness.Node, running *harness.Job) bool {
	for range 1000 { // 10 s at least
		select {
		case <-running.Done():
			return false
		case <-time.After(10 * time.Millisecond):
		}
		list, err := n.Ps()
		if err == nil && slices.ContainsFunc(list, func(p harness.Process) bool { return p.Pid == running.Pid }) {
			return true
		}
	}
	return true // the first move says what is wrong
}

// whyHome says why a job stays at home, or is empty. It is looked at several times: its
// first move may still be under way, or it may be at home for a moment.
func whyHome(n *harness.Node, running *harness.Job, after time.Duration) (why string) {
	moves := 0
	for range 5 {
		select {
		case <-running.Done():
			if moves == 0 {
				return ""
			}
			return why
		case <-time.After(after):
		}
		list, err := n.Ps()
		if err != nil {
			return err.Error()
		}
		if why, moves = placeOf(list, running.Pid); why == "" {
			return ""
		}
	}
	return why
}

// placeOf says why a process is at home, if it is listed and is.
func placeOf(list []harness.Process, pid int) (why string, moves int) {
	for _, p := range list {
		if p.Pid != pid || p.Place() != "home" {
			continue
		}
		reason := "not pinned"
		if p.Pinned != nil {
			reason = *p.Pinned
		}
		return fmt.Sprintf("it was at home after %d moves (%s)", p.Moves, reason), p.Moves
	}
	return "", 0
}

// endsSoon tells whether a job that could not be moved was about to end.
func endsSoon(running *harness.Job) bool {
	select {
	case <-running.Done():
		return true
	case <-time.After(time.Second / 2):
		return false
	}
}

func firstLine(err error) error {
	_, text, _ := strings.Cut(err.Error(), "stderr: ")
	line, _, _ := strings.Cut(text, "\n")
	return errors.New(line)
}
