package jobs

import (
	"context"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/wire"
	"umosix/wire/control"
)

const waiting = "read line; true"

func TestMoveThereAndBack(t *testing.T) {
	n := newNode(t, t.TempDir())
	pid, _ := program(t, waiting)
	n.register(pid, control.Options{})
	if n.started() != 0 {
		t.Error("a job at home has a deputy")
	}
	for _, step := range []struct {
		to    string
		where wire.NodeID
	}{{"2", 2}, {"2", 2}, {"3", 3}, {"out", 2}, {"home", 0}, {"3", 3}, {"1", 0}} {
		if err := n.migrate(pid, step.to); err != nil {
			t.Fatalf("migrate %s: %v", step.to, err)
		}
		if at := n.where(n.known(pid)); at != step.where {
			t.Fatalf("after migrate %s it is at %v, want %v", step.to, at, step.where)
		}
	}
	if n.started() != 1 {
		t.Errorf("%d deputies for one job", n.started())
	}
}

func TestMoveFails(t *testing.T) {
	n := newNode(t, t.TempDir())
	n.reply = func(d *fakeDeputy, ask control.ToDeputy) {
		d.send(control.FromDeputy{Done: &control.Done{ID: ask.Move.ID, Failure: "pinned: it plays chess"}})
	}
	pid, _ := program(t, waiting)
	n.register(pid, control.Options{})
	for to, want := range map[string]string{
		"2":       "did not go to node 2: pinned: it plays chess",
		"4":       "did not go to node 4: node 4 is down",
		"9":       "no node 9",
		"balance": "not there yet",
	} {
		if err := n.migrate(pid, to); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("migrate %s: %v, want %q", to, err, want)
		}
	}
	if err := n.migrate(os.Getpid(), "2"); err == nil || !strings.Contains(err.Error(), "not in a job") {
		t.Errorf("a process of no job: %v", err)
	}
	ended, end := program(t, waiting)
	end()
	if err := n.migrate(ended, "2"); err == nil || !strings.Contains(err.Error(), "there is no process") {
		t.Errorf("a process that has ended: %v", err)
	}
	stranger := control.Caller{Uid: 12345}
	if _, err := n.Migrate(context.Background(), stranger, control.Migrate{Pid: pid, To: "2"}); err == nil || !strings.Contains(err.Error(), "belongs to") {
		t.Errorf("a stranger: %v", err)
	}
}

func TestDeputyThatJustEndedIsStartedAnew(t *testing.T) {
	n := newNode(t, t.TempDir())
	var tries atomic.Int32
	n.reply = func(d *fakeDeputy, ask control.ToDeputy) {
		if tries.Add(1) == 1 {
			d.lines.Close()
			return
		}
		obey(d, ask)
	}
	pid, _ := program(t, waiting)
	n.register(pid, control.Options{})
	if err := n.migrate(pid, "2"); err != nil {
		t.Fatal(err)
	}
	if n.started() != 2 {
		t.Errorf("%d deputies were started, want 2", n.started())
	}
}

func TestChildrenAreFoundAndInherit(t *testing.T) {
	n := newNode(t, t.TempDir())
	pid, _ := program(t, "sleep 60 & child=$!; read line; kill $child; wait $child")
	answer := n.register(pid, control.Options{Home: true})
	eventually(t, "two processes", func() bool { return len(n.listed()) == 2 })
	for _, p := range n.listed() {
		if !p.Lock || p.Job != answer.Job || p.Where != wire.Home {
			t.Errorf("unlike its job: %+v", p)
		}
	}
}

// Of a process whose parent has ended, and the parent's parent, the kernel has told.
func TestOrphansAreFound(t *testing.T) {
	n := newNode(t, t.TempDir())
	if n.kin.socket < 0 {
		t.Skip("no process events here")
	}
	pid, end := program(t, "read line; (sh -c 'setsid sleep 60 &' &)")
	answer := n.register(pid, control.Options{Lock: control.LockOn})
	end()
	eventually(t, "an orphan", func() bool { list := n.listed(); return len(list) == 1 && list[0].Pid != pid })
	p := n.listed()[0]
	defer unix.Kill(p.Pid, unix.SIGKILL)
	if !p.Lock || p.Job != answer.Job {
		t.Errorf("unlike its job: %+v", p)
	}
}

func (n *node) listed() []control.Process {
	n.t.Helper()
	list, err := n.List(context.Background(), me, false)
	if err != nil {
		n.t.Fatal(err)
	}
	return list
}

func TestNestedRunChangesTheCaller(t *testing.T) {
	n := newNode(t, t.TempDir())
	pid, _ := program(t, "sleep 60 & child=$!; read line; kill $child; wait $child")
	first := n.register(pid, control.Options{})
	eventually(t, "a child", func() bool { return len(n.listed()) == 2 })
	child := n.listed()[0].Pid
	if child == pid {
		child = n.listed()[1].Pid
	}
	second := n.register(child, control.Options{Lock: control.LockOn})
	if !second.Nested || second.Job != first.Job {
		t.Errorf("not nested: %+v in %+v", second, first)
	}
	for _, p := range n.listed() {
		if p.Lock != (p.Pid == child) {
			t.Errorf("lock of %d is %v", p.Pid, p.Lock)
		}
	}
}

// A process that has left its job stays out of it, with what it starts, also for the next
// daemon; what it starts by mosrun is a job of its own.
func TestLeave(t *testing.T) {
	dir := t.TempDir()
	n := newNode(t, dir)
	pid, _ := program(t, "sh -c 'sleep 60 & wait' & child=$!; read line; kill $(cat /proc/$child/task/$child/children) $child; wait $child")
	first := n.register(pid, control.Options{})
	eventually(t, "its descendants", func() bool { n.scan(); return len(n.listed()) == 3 })
	var child, grandchild int
	for _, p := range n.listed() {
		switch {
		case p.PPid == pid:
			child = p.Pid
		case p.Pid != pid:
			grandchild = p.Pid
		}
	}
	for _, leaver := range []int{child, grandchild} {
		if err := n.Leave(context.Background(), me, control.OfPid{Pid: leaver}); err != nil {
			t.Fatal(err)
		}
	}
	onlyOne := func(n *node) {
		t.Helper()
		n.scan()
		if list := n.listed(); len(list) != 1 || list[0].Pid != pid {
			t.Errorf("the job has %+v", list)
		}
	}
	onlyOne(n)
	if err := n.Leave(context.Background(), me, control.OfPid{Pid: child}); err == nil {
		t.Error("it has left twice")
	}
	n.Registry.Close()
	n = newNode(t, dir)
	onlyOne(n)
	if again := n.register(grandchild, control.Options{}); again.Nested || again.Job == first.Job {
		t.Errorf("it is back in job %s: %+v", first.Job, again)
	}
}

func TestPlacement(t *testing.T) {
	for _, test := range []struct {
		name    string
		opts    control.Options
		to      wire.NodeID
		deputy  bool
		warning string
		failure string
	}{
		{name: "nothing asked"},
		{name: "a node", opts: control.Options{Node: 2}, to: 2, deputy: true},
		{name: "a host", opts: control.Options{Host: "3"}, to: 3, deputy: true},
		{name: "this node", opts: control.Options{Node: 1}},
		{name: "this node, early", opts: control.Options{Node: 1, Early: true}, to: wire.Home, deputy: true},
		{name: "a list", opts: control.Options{Among: []control.Span{{From: 3, To: 9}}}, to: 3, deputy: true},
		{name: "a dead node", opts: control.Options{Node: 4}, failure: "node 4 is down"},
		{name: "a dead node or any", opts: control.Options{Node: 4, Anyway: true}, warning: "node 4 is down"},
		{name: "a list of dead nodes", opts: control.Options{Among: []control.Span{{From: 4, To: 4}}}, failure: "none of the nodes"},
		{name: "setuid", opts: control.Options{Node: 2, Pinned: "it is setuid"}, warning: "it is setuid"},
		{name: "early", opts: control.Options{Early: true}, deputy: true},
	} {
		t.Run(test.name, func(t *testing.T) { placed(t, test.opts, test.to, test.deputy, test.warning, test.failure) })
	}
}

func placed(t *testing.T, opts control.Options, to wire.NodeID, deputy bool, warning, failure string) {
	n := newNode(t, t.TempDir())
	attached := make(chan control.Attach, 1)
	n.reply = func(d *fakeDeputy, ask control.ToDeputy) {
		attached <- *ask.Attach
		obey(d, ask)
	}
	pid, _ := program(t, waiting)
	answer, err := n.Register(context.Background(), me, control.Register{Pid: pid, Options: opts})
	if failure != "" {
		if err == nil || !strings.Contains(err.Error(), failure) || n.known(pid) != nil {
			t.Errorf("%v, want %q and no job", err, failure)
		}
		return
	}
	if err != nil || !strings.Contains(answer.Warning, warning) || (answer.Deputy != 0) != deputy {
		t.Fatalf("%+v %v", answer, err)
	}
	err = n.Attach(context.Background(), me, control.OfPid{Pid: pid})
	if !deputy {
		if err == nil {
			t.Error("attached without a plan")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := <-attached; got.To != to || got.Early != opts.Early || got.Pid != pid {
		t.Errorf("attach %+v, want node %v", got, to)
	}
}

func TestWatchGetsEventsAndReport(t *testing.T) {
	n := newNode(t, t.TempDir())
	n.reply = func(d *fakeDeputy, ask control.ToDeputy) {
		d.send(control.FromDeputy{Event: &control.Event{Pid: ask.Move.Pid, Kind: "pinned", Text: "because"}})
		d.send(control.FromDeputy{State: &control.State{Pid: ask.Move.Pid, Moves: 2, Bytes: 9, Calls: map[string]uint64{"read": 3}}})
		d.send(control.FromDeputy{Done: &control.Done{ID: ask.Move.ID, Failure: "because"}})
	}
	pid, end := program(t, waiting)
	answer := n.register(pid, control.Options{})
	news := make(chan control.News, 8)
	ended := make(chan error, 1)
	go func() {
		ended <- n.Watch(context.Background(), me, answer.Job, func(one control.News) error {
			news <- one
			return nil
		})
	}()
	eventually(t, "a watcher", func() bool {
		n.Registry.mu.Lock()
		defer n.Registry.mu.Unlock()
		return len(n.jobs[answer.Job].watchers) == 1
	})
	n.migrate(pid, "2")
	if found := <-news; found != (control.News{}) {
		t.Errorf("when the job is found: %+v", found)
	}
	if first := <-news; first.Event == nil || first.Event.Kind != "pinned" {
		t.Errorf("first news: %+v", first)
	}
	end()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	last := (<-news).Report
	if last == nil || last.Moves != 2 || last.Bytes != 9 || last.Calls["read"] != 3 || last.Procs != 1 || last.Pinned["because"] != 1 {
		t.Errorf("report: %+v", last)
	}
	var late []control.News
	err := n.Watch(context.Background(), me, answer.Job, func(one control.News) error { late = append(late, one); return nil })
	if err != nil || len(late) != 2 || late[0].Event == nil || late[0].Event.Text != "because" || late[1].Report.Moves != 2 {
		t.Errorf("a late watcher: %v, %+v", err, late)
	}
	if entries, _ := os.ReadDir(n.cfg.Dir + "/" + jobsDir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// What a deputy has said of a process counts, also if its end is known first.
func TestLastWordsAreHeard(t *testing.T) {
	n := newNode(t, t.TempDir())
	pid, end := program(t, waiting)
	answer := n.register(pid, control.Options{})
	n.reply = func(d *fakeDeputy, ask control.ToDeputy) {
		d.last = &control.State{Pid: pid, Moves: 3}
		obey(d, ask)
	}
	if err := n.migrate(pid, "2"); err != nil {
		t.Fatal(err)
	}
	end()
	var report *control.Report
	err := n.Watch(t.Context(), me, answer.Job, func(one control.News) error { report = one.Report; return nil })
	if err != nil || report == nil || report.Moves != 3 {
		t.Errorf("report %+v, %v; want 3 moves", report, err)
	}
}

// Whoever asks a deputy something, because a process ends just then, has not found it before
// it has been told to start: what comes first on the channel is taken for that.
func TestStartIsTheFirstLine(t *testing.T) {
	n := newNode(t, t.TempDir())
	pid, _ := program(t, waiting)
	answer := n.register(pid, control.Options{})
	j := n.jobs[answer.Job]
	var found []bool // at each line
	n.wrap = func(conn net.Conn) net.Conn {
		return &onWrite{conn, func() {
			n.Registry.mu.Lock()
			defer n.Registry.mu.Unlock()
			found = append(found, j.deputy != nil)
		}}
	}
	if err := n.migrate(pid, "2"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found, []bool{false, true}) {
		t.Errorf("the deputy could be found at the first lines: %v, want not at Start, but at Move", found)
	}
}

// onWrite calls before ahead of each Write.
type onWrite struct {
	net.Conn
	before func()
}

func (c *onWrite) Write(b []byte) (int, error) {
	c.before()
	return c.Conn.Write(b)
}

func TestLostWithItsDeputy(t *testing.T) {
	n := newNode(t, t.TempDir())
	pid, _ := program(t, waiting)
	n.register(pid, control.Options{})
	if err := n.migrate(pid, "2"); err != nil {
		t.Fatal(err)
	}
	n.deputies[0].lines.Close()
	eventually(t, "lost", func() bool {
		n.Registry.mu.Lock()
		defer n.Registry.mu.Unlock()
		return n.procs[pid].said.Lost
	})
}

func TestANewDaemonFindsJobsAndDeputies(t *testing.T) {
	dir := t.TempDir()
	pid, _ := program(t, waiting)
	old := newNode(t, dir)
	first := old.register(pid, control.Options{Lock: control.LockOn})
	if err := old.migrate(pid, "2"); err != nil {
		t.Fatal(err)
	}
	old.save(old.known(pid).job)
	old.Registry.Close()

	n := newNode(t, dir)
	p := n.known(pid)
	if p == nil || p.job.id != first.Job || !p.lock || n.where(p) != 2 {
		t.Fatalf("not found again: %+v", p)
	}
	ours, theirs := net.Pipe()
	d := &fakeDeputy{t: t, lines: control.NewLines(theirs), reply: obey, ended: make(chan struct{})}
	moved := make(chan error, 1)
	go func() { moved <- n.migrate(pid, "3") }()
	err := n.AdoptDeputy(context.Background(), me, control.Adopt{Job: first.Job, Pid: os.Getpid()}, ours)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.ended)
		for {
			var ask control.ToDeputy
			if d.lines.Receive(&ask) != nil {
				return
			}
			obey(d, ask)
		}
	}()
	if err := <-moved; err != nil {
		t.Errorf("move by the deputy that came back: %v", err)
	}
	if n.started() != 0 {
		t.Error("a second deputy was started")
	}
	theirs.Close()
	<-d.ended
}

func TestRecycledNumberIsAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	pid, _ := program(t, waiting)
	old := newNode(t, dir)
	answer := old.register(pid, control.Options{})
	old.Registry.Close()
	path := old.stateFile(answer.Job)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	start := old.known(pid).start
	swapped := strings.Replace(string(text), `"start":`+itoa(start), `"start":`+itoa(start+1), 1)
	if swapped == string(text) {
		t.Fatalf("no start time in %s", text)
	}
	if err := os.WriteFile(path, []byte(swapped), 0o600); err != nil {
		t.Fatal(err)
	}
	if p := newNode(t, dir).known(pid); p != nil {
		t.Errorf("another process was taken for %d of the job", pid)
	}
}

// What a deputy says late about a process does not bring its job back.
func TestLateWordAboutAnEndedJob(t *testing.T) {
	n := newNode(t, t.TempDir())
	pid, end := program(t, waiting)
	n.register(pid, control.Options{})
	j := n.known(pid).job
	end()
	eventually(t, "the end", func() bool { return n.known(pid) == nil })
	other, _ := program(t, waiting)
	n.stated(j, &control.State{Pid: other})
	if n.known(other) != nil {
		t.Error("a job that is over has got a process")
	}
}

// A deputy that is started while its job ends is not left behind.
func TestDeputyStartedTooLate(t *testing.T) {
	n := newNode(t, t.TempDir())
	pid, end := program(t, waiting)
	n.register(pid, control.Options{Shake: time.Hour})
	j := n.known(pid).job
	end()
	eventually(t, "the end", func() bool { return n.known(pid) == nil })
	if d, err := n.deputyOf(t.Context(), j); err == nil {
		t.Errorf("a job that is over has got deputy %d", d.pid)
	}
	if _, err := n.startDeputy(j); err != nil {
		t.Fatal(err)
	}
	<-n.deputies[0].ended
}

// The last process of a job may get the number of one that has just ended.
func TestRecycledNumberInOneJob(t *testing.T) {
	n := newNode(t, t.TempDir())
	pid, _ := program(t, waiting)
	n.register(pid, control.Options{})
	old := n.known(pid)
	n.Registry.mu.Lock()
	fresh := n.addLocked(old.job, pid, old.start+1)
	n.removeLocked(old)
	lives := n.jobs[old.job.id] == old.job && n.procs[pid] == fresh
	n.Registry.mu.Unlock()
	if !lives {
		t.Error("the job ended with the former process")
	}
}

func TestShakeRepeats(t *testing.T) {
	var runs [2][]wire.NodeID
	for i := range runs {
		runs[i] = shaken(t, 12)
	}
	if !slices.Equal(runs[0], runs[1]) {
		t.Errorf("one seed, two runs: %v and %v", runs[0], runs[1])
	}
}

// shaken is where a job is moved to first.
func shaken(t *testing.T, moves int) []wire.NodeID {
	n := newNode(t, t.TempDir())
	places := make(chan wire.NodeID, 1000)
	n.reply = func(d *fakeDeputy, ask control.ToDeputy) {
		places <- ask.Move.To
		obey(d, ask)
	}
	pid, end := program(t, waiting)
	n.register(pid, control.Options{Shake: time.Millisecond, Seed: 42})
	var seen []wire.NodeID
	for range moves {
		seen = append(seen, <-places)
	}
	end()
	return seen
}

func TestHoldAndWhy(t *testing.T) {
	n := newNode(t, t.TempDir())
	pid, _ := program(t, waiting)
	n.register(pid, control.Options{})
	err := n.Hold(context.Background(), me, control.Hold{Pid: pid, On: true})
	if err == nil || !strings.Contains(err.Error(), "does not want") {
		t.Errorf("hold: %v", err)
	}
	if err := n.SetLock(context.Background(), me, control.SetLock{Pid: pid, On: true}); err != nil {
		t.Fatal(err)
	}
	why, err := n.Why(context.Background(), me, pid)
	if err != nil || !why.Lock || !strings.Contains(why.Text, "locked") {
		t.Errorf("why: %+v %v", why, err)
	}
}

func TestCountsGoOnWhenADeputyCountsAnew(t *testing.T) {
	p := &process{}
	for _, said := range []control.State{
		{Moves: 1, Bytes: 100, Calls: map[string]uint64{"read": 1}},
		{Moves: 2, Bytes: 300, Calls: map[string]uint64{"read": 4}},
		{Moves: 1, Bytes: 50, Calls: map[string]uint64{"write": 2}},
		{Moves: 1, Bytes: 60, Calls: map[string]uint64{"write": 2}},
	} {
		p.hear(&said)
	}
	all := p.counted()
	if all.moves != 3 || all.bytes != 360 || all.calls["read"] != 4 || all.calls["write"] != 2 {
		t.Errorf("%+v", all)
	}
}
