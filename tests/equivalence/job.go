package equivalence

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

// job is something to be run in every world.
type job struct {
	name   string
	args   []string           // program and arguments
	ms     int                // how long it goes on, its argument; 0 of other than compiled programs
	script string             // instead: a pipeline for sh, with $A and $B before its jobs
	setup  func(string) error // fills the directory that it runs in
	input  programs.Input
	timed  bool          // it checks how late it is
	stays  bool          // it may be pinned home all the time
	short  bool          // with -short one seed of it is enough,
	once   bool          // and one user
	limit  time.Duration // of one run, if not runLimit
}

// runLimit bounds one run of a job, wherever it is, unless the job has a limit of its own.
const runLimit = 60 * time.Second

// prepare makes the directory of a run, with the job's files owned by its user.
func (j job) prepare(n *harness.Node) (dir string, err error) {
	if dir, err = n.WorkDir(); err != nil || j.setup == nil {
		return dir, err
	}
	if err := j.setup(dir); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if err == nil {
			err = n.Own(dir + "/" + e.Name())
		}
	}
	return dir, err
}

// run runs the job once in a world, in a directory of its own.
func (j job) run(n *harness.Node, w world, native time.Duration) (outcome, trace, error) {
	dir, err := j.prepare(n)
	if err != nil {
		return outcome{}, trace{}, err
	}
	defer os.RemoveAll(dir)
	w.report = dir + ".report" // beside it: it is no file of the job
	c := harness.Command{Args: w.line(j), Dir: dir, Limit: cmp.Or(j.limit, runLimit), Env: w.environ(j)}
	var r harness.Result
	var tr trace
	err = j.feed(&c, func(started func()) error {
		running, err := n.Start(c)
		if err != nil {
			return err
		}
		started()
		tr = w.follow(n, running, native)
		r = running.Wait()
		return r.Err
	}, &r)
	if err != nil {
		return outcome{}, tr, fmt.Errorf("%w: %v", err, r)
	}
	tr.time = r.Time
	o, err := outcomeOf(r, dir)
	if err == nil && w.reports(j) {
		var said report
		said, err = readReport(w.report)
		tr.moves = said.Moves
	}
	return o, tr, err
}

// feed connects the job's input and calls run, which tells when the process has
// its descriptors; what a terminal showed becomes the standard output of r.
func (j job) feed(c *harness.Command, run func(started func()) error, r *harness.Result) error {
	switch j.input {
	case programs.Slow:
		return feedSlowly(c, run)
	case programs.Tty:
		return typeLines(c, run, r)
	}
	return run(func() {})
}

// jobsOf makes a job of every compiled program but those that leave no time for others
// beside them, and have tests of their own.
func jobsOf(list []programs.Program, ms int) (jobs []job) {
	for _, p := range list {
		program, _, _ := strings.Cut(p.Name, "/") // without its build
		if stormy[program] {
			continue
		}
		ms := ms
		if p.Noting {
			ms += ms / 2 // most of its time it is in calls, which makes moving it slower
		}
		less := p.Noting || p.Build != programs.Dynamic // long, or much like another
		jobs = append(jobs, job{
			name: p.Name, args: []string{p.Path, strconv.Itoa(ms)}, ms: ms, input: p.Input, timed: p.Timed, stays: mayStay[program],
			short: less, once: less && !p.Personal,
		})
	}
	return jobs
}

// longer is the job of a compiled program that goes on for n times as long.
func (j job) longer(n int) job {
	if j.ms > 0 {
		j.ms *= n
		j.args = []string{j.args[0], strconv.Itoa(j.ms)}
	}
	return j
}

// hasToMove tells whether the job is to be moved in a world, if it goes on for long enough.
func (j job) hasToMove(w world) bool { return w.reports(j) && !j.stays && expectationOf(j, w) == nil }

// stormy are the programs of the tests of storms.
var stormy = map[string]bool{"threadstorm": true, "execrace": true, "sigstorm": true, "ordered": true, "hammer": true}

// mayStay are programs that are pinned home for most of their time: their first thread
// ends, they start many threads at once, exec with threads, live too short between two
// execs, look at themselves, map memory or files shared with others, change files that they have mapped, or make calls that are
// made at home.
var mayStay = map[string]bool{"leaderexit": true, "leaderleft": true, "self": true, "traced": true, "threadexec": true, "execs": true, "int80": true, "killed": true,
	"homecalls": true, "blocked": true, "bigfiles": true, "ownfile": true, "changedfile": true}
