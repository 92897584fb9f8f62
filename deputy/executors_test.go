package deputy

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/image"
	"umosix/wire"
	"umosix/wire/control"
	"umosix/wire/link"
	"umosix/wire/link/linktest"
)

// testGrace is how long the executors of these tests may be silent.
const testGrace = time.Second

// badExecutor is a node 2 that does something wrong.
type badExecutor struct {
	name  string
	says  string // in the failure that the user sees
	cred  func(*linktest.Authority, testing.TB) control.Credentials
	plain func(net.Conn) bool // false: it ends there
	serve func(*link.Link)
}

func good(a *linktest.Authority, tb testing.TB) control.Credentials {
	return a.Issue(tb, linktest.ExecutorID)
}

// hello answers the deputy's first frame.
func hello(l *link.Link, protocol uint32) bool {
	if _, err := l.Receive(); err != nil {
		return false
	}
	h := wire.Hello{Protocol: protocol, Job: linktest.DeputyID.Job, Node: 2}
	return l.Send(wire.Header{Type: wire.TypeHello}, &h) == nil
}

// until receives up to a frame of a type.
func until(l *link.Link, last wire.Type) *link.Frame {
	for {
		f, err := l.Receive()
		if err != nil {
			return nil
		}
		if f.Type == last {
			return f.Clone()
		}
	}
}

// after is an executor that behaves until a frame of a type.
func after(last wire.Type, then func(*link.Link, *link.Frame)) func(*link.Link) {
	return func(l *link.Link) {
		var image *link.Frame
		if hello(l, wire.Protocol) {
			if image = until(l, wire.TypeImage); image != nil && last != wire.TypeImage {
				until(l, last)
			}
			if image != nil { // else the deputy has given up before
				then(l, image)
			}
		}
	}
}

func rebuilt(l *link.Link, image *link.Frame, failure string) {
	h := image.Header
	h.Type, h.Ack = wire.TypeRebuilt, image.Seq
	l.Send(h, &wire.Rebuilt{Failure: failure})
}

func hangUp(l *link.Link, _ *link.Frame) { l.Close() }

// beSilent takes everything and says nothing until the deputy has gone.
func beSilent(l *link.Link, _ *link.Frame) {
	for {
		if _, err := l.Receive(); err != nil {
			return
		}
	}
}

var badExecutors = []badExecutor{
	{name: "refuses", says: "node 2: link to executor at", plain: func(c net.Conn) bool {
		link.Refuse(c, "no room\nhere")
		return false
	}},
	{name: "hangs up before TLS", says: "node 2", plain: func(net.Conn) bool { return false }},
	{name: "of another cluster", says: "not signed by this cluster's secret", cred: func(_ *linktest.Authority, tb testing.TB) control.Credentials {
		return linktest.NewAuthority(tb).Issue(tb, linktest.ExecutorID)
	}},
	{name: "expired", says: "certificate expired on", cred: func(a *linktest.Authority, tb testing.TB) control.Credentials {
		return a.IssueFor(tb, linktest.ExecutorID.String(), time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	}},
	{name: "another node's", says: "not the executor of node 2", cred: func(a *linktest.Authority, tb testing.TB) control.Credentials {
		other := linktest.ExecutorID
		other.Node = 3
		return a.Issue(tb, other)
	}},
	{name: "speaks another version", says: "version 99", serve: func(l *link.Link) { hello(l, 99); beSilent(l, nil) }},
	{name: "says goodbye", says: "refused: no cage", serve: func(l *link.Link) {
		l.Receive()
		l.Send(wire.Header{Type: wire.TypeBye}, &wire.Reason{Text: "no cage"})
		beSilent(l, nil)
	}},
	{name: "hangs up in the image", says: "lost", serve: after(wire.TypeImage, hangUp)},
	{name: "hangs up after the image", says: "lost", serve: after(wire.TypeTrailer, hangUp)},
	{name: "cannot rebuild", says: "no memory", serve: after(wire.TypeTrailer, func(l *link.Link, f *link.Frame) {
		rebuilt(l, f, "no memory")
		beSilent(l, f)
	})},
	{name: "answers something else", says: "instead of rebuilt", serve: after(wire.TypeTrailer, func(l *link.Link, f *link.Frame) {
		h := f.Header
		h.Type, h.Ack = wire.TypeTrailer, f.Seq
		l.Send(h, &image.Trailer{})
		beSilent(l, f)
	})},
	{name: "is silent in mid-move", says: "nothing was heard of the peer", serve: after(wire.TypeTrailer, beSilent)},
	{name: "answers a frame of long ago", says: "nothing was heard of the peer", serve: after(wire.TypeTrailer, func(l *link.Link, f *link.Frame) {
		f.Seq += 1000
		rebuilt(l, f, "")
		beSilent(l, f)
	})},
	{name: "hangs up when it is ready", says: "lost", serve: after(wire.TypeTrailer, func(l *link.Link, f *link.Frame) {
		rebuilt(l, f, "")
		l.Close()
	})},
}

// Whatever an executor does wrong before the process is its own: the user gets one
// line, and the process goes on at home, untouched.
func TestBadExecutors(t *testing.T) {
	for _, bad := range badExecutors {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			a := linktest.NewAuthority(t)
			v := startVictim(t, "echo $$; exec sleep 60")
			done := moveBy(t, a, v.pid, bad.listen(t, a))
			if bad.name == "hangs up when it is ready" && done.Failure == "" {
				v.awaitEnd(t) // Go was on its way: it is lost
				return
			}
			if !strings.Contains(done.Failure, bad.says) || strings.ContainsRune(done.Failure, '\n') {
				t.Errorf("failure %q, want one line with %q", done.Failure, bad.says)
			}
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.pid))
			if err != nil || !strings.Contains(string(status), "State:\tS (sleeping)") || !strings.Contains(string(status), "TracerPid:\t0\n") {
				t.Errorf("the process did not go on at home (%v):\n%s", err, status)
			}
		})
	}
}

// A call that a failed move has interrupted ends as it would have, even if the
// kernel ends it by a plain EINTR.
func TestFailedMoveShowsNoInterruption(t *testing.T) {
	if _, err := exec.LookPath("perl"); err != nil {
		t.Skip(err)
	}
	const epoll = `$e = syscall(291, 0); $b = "\0" x 12; print "$$\n"; $r = syscall(232, $e, $b, 1, 1500); exit($r == 0 ? 0 : 1)`
	v := startVictim(t, `exec perl -e '$| = 1; `+epoll+`'`)
	a := linktest.NewAuthority(t)
	bad := badExecutor{serve: after(wire.TypeTrailer, func(l *link.Link, f *link.Frame) { rebuilt(l, f, "no memory") })}
	if done := moveBy(t, a, v.pid, bad.listen(t, a)); !strings.Contains(done.Failure, "no memory") {
		t.Errorf("failure: %q", done.Failure)
	}
	if status := v.awaitEnd(t); status != 0 {
		t.Errorf("epoll_wait was interrupted: it ended with %d", status)
	}
}

// A call that was interrupted for a move that could not even begin goes on with the rest of its
// time.
func TestRefusedMoveShowsNoInterruption(t *testing.T) {
	if _, err := exec.LookPath("perl"); err != nil {
		t.Skip(err)
	}
	const dispatch = `syscall(157, 59, 1, 0, 1 << 47, 0)` // prctl(PR_SET_SYSCALL_USER_DISPATCH), of nothing
	const epoll = `$e = syscall(291, 0); $b = "\0" x 12; print "$$\n"; $r = syscall(232, $e, $b, 1, 1500)`
	v := startVictim(t, `exec perl -MTime::HiRes=time -e '$| = 1; `+dispatch+` == 0 or exit 2; $t = time; `+epoll+`; exit($r == 0 && time - $t > 1.49 && time - $t < 2.5 ? 0 : 1)'`)
	a := linktest.NewAuthority(t)
	bad := badExecutor{serve: after(wire.TypeTrailer, beSilent)}
	if done := moveBy(t, a, v.pid, bad.listen(t, a)); !strings.Contains(done.Failure, "dispatches") {
		t.Errorf("failure: %q", done.Failure)
	}
	if status := v.awaitEnd(t); status != 0 {
		t.Errorf("epoll_wait was interrupted, or late: it ended with %d", status)
	}
}

// A process that was seized for its exec moves after it: what asks for it earlier waits.
func TestMoveBeforeExec(t *testing.T) {
	v := startVictim(t, "echo $$; read line; exec sleep 60")
	pid := v.pid
	a := linktest.NewAuthority(t)
	bad := badExecutor{serve: after(wire.TypeTrailer, func(l *link.Link, f *link.Frame) { rebuilt(l, f, "no memory") })}
	d := startDeputy(t, a)
	d.lines.Send(control.ToDeputy{Attach: &control.Attach{ID: 1, Pid: pid}})
	if done := d.answer(t); done.Failure != "" {
		t.Fatal(done.Failure)
	}
	d.lines.Send(toNode2(2, pid, bad.listen(t, a)))
	answers := make(chan control.Done, 1)
	go func() {
		defer close(answers)
		if done, err := d.nextAnswer(); err == nil {
			answers <- done
		}
	}()
	select {
	case done := <-answers:
		t.Fatalf("moved before the exec: %+v", done)
	case <-time.After(100 * time.Millisecond):
	}
	fmt.Fprintln(v.in, "go")
	select {
	case done := <-answers:
		if !strings.Contains(done.Failure, "no memory") {
			t.Errorf("failure: %q", done.Failure)
		}
	case <-time.After(10 * lingers):
		t.Fatal("it does not move after the exec")
	}
	if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); string(name) != "sleep\n" {
		t.Errorf("it runs %q, %v", name, err)
	}
	d.awaitEnd(t)
}

// victim is a process that is moved. It is no child of this process: the tracer is here,
// too, a parent would be told of the stops of its own child, and a tracer of its end. So
// its parent, a shell, prints its status.
type victim struct {
	pid    int
	in     io.Writer // its standard input
	status chan int
}

// startVictim starts a script that first prints its number. It ends with the test.
func startVictim(t *testing.T, script string) *victim {
	t.Helper()
	shell := exec.Command("sh", "-c", `exec 3<&0; sh -c "$0" <&3 & wait $!; echo $?`, script)
	in, _ := shell.StdinPipe()
	out, _ := shell.StdoutPipe()
	if err := shell.Start(); err != nil {
		t.Skip(err)
	}
	v := &victim{in: in, status: make(chan int, 1)}
	if _, err := fmt.Fscan(out, &v.pid); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(v.status)
		var status int
		if _, err := fmt.Fscan(out, &status); err == nil {
			v.status <- status
		}
		shell.Wait()
	}()
	t.Cleanup(func() { unix.Kill(v.pid, unix.SIGKILL) })
	return v
}

// awaitEnd waits for the victim's end and returns its status as a shell tells it.
func (v *victim) awaitEnd(t *testing.T) int {
	t.Helper()
	select {
	case status, ok := <-v.status:
		if !ok {
			t.Error("the shell does not tell the status")
		}
		return status
	case <-time.After(10 * time.Second):
		t.Errorf("process %d goes on", v.pid)
		return -1
	}
}

// listen is the executor's node, for one connection.
func (bad *badExecutor) listen(t *testing.T, a *linktest.Authority) (address string) {
	if bad.cred == nil {
		bad.cred = good
	}
	creds := bad.cred(a, t)
	creds.CA = good(a, t).CA
	cfg, err := link.ServerConfig(creds, nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := link.ReadPreface(conn); err != nil || bad.plain != nil && !bad.plain(conn) {
			return
		}
		file, err := conn.(*net.TCPConn).File()
		if err != nil || link.AdmitFile(file) != nil {
			return
		}
		conn.Close()
		l, err := link.AcceptFile(file, cfg, link.Options{Grace: testGrace, Ping: -1})
		if err == nil {
			bad.serve(l)
			l.Close()
		}
	}()
	return listener.Addr().String()
}

// moveBy has a deputy move a process to node 2, and waits until the deputy has ended.
func moveBy(t *testing.T, a *linktest.Authority, pid int, address string) control.Done {
	d := startDeputy(t, a)
	d.lines.Send(toNode2(1, pid, address))
	answer := d.answer(t)
	d.awaitEnd(t)
	return answer
}

// answerLimit is how long a deputy may take for all that a test asks of it.
const answerLimit = time.Minute

// startedDeputy is a deputy that runs in this process, seen from mosd.
type startedDeputy struct {
	lines *control.Lines
	over  chan int
}

func startDeputy(t *testing.T, a *linktest.Authority) *startedDeputy {
	ours, theirs, err := control.NewChannel()
	if err != nil {
		t.Fatal(err)
	}
	ours.SetDeadline(time.Now().Add(answerLimit))
	d := &startedDeputy{lines: control.NewLines(ours), over: make(chan int, 1)}
	go func() { d.over <- Main(theirs) }()
	d.lines.Send(&control.Start{Job: linktest.DeputyID.Job, Node: 1, Uid: linktest.DeputyID.Uid, Grace: testGrace,
		Creds: a.Issue(t, linktest.DeputyID), Log: "error"})
	return d
}

func toNode2(id uint64, pid int, address string) control.ToDeputy {
	return control.ToDeputy{Move: &control.Move{ID: id, Pid: pid, To: 2, Address: address, Ticket: strings.Repeat("ab", link.TicketLen)}}
}

// answer is the next answer to a request.
func (d *startedDeputy) answer(t *testing.T) control.Done {
	done, err := d.nextAnswer()
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func (d *startedDeputy) nextAnswer() (control.Done, error) {
	for {
		var said control.FromDeputy
		switch err := d.lines.Receive(&said); {
		case err != nil:
			return control.Done{}, err
		case said.Done != nil:
			return *said.Done, nil
		}
	}
}

func (d *startedDeputy) awaitEnd(t *testing.T) {
	select {
	case <-d.over:
	case <-time.After(10 * lingers):
		t.Error("the deputy does not end")
	}
}

// Of a process that cannot move just now nothing is told but that: mosd knows where it is,
// and for what reason it had to come home before.
func TestNothingToldOfFailedMove(t *testing.T) {
	v := startVictim(t, "echo $$; exec sleep 60")
	a := linktest.NewAuthority(t)
	slow := badExecutor{serve: after(wire.TypeTrailer, func(l *link.Link, f *link.Frame) {
		time.Sleep(2 * tells)
		rebuilt(l, f, "no memory")
	})}
	d := startDeputy(t, a)
	d.lines.Send(toNode2(1, v.pid, slow.listen(t, a)))
	told := 0
	for {
		var said control.FromDeputy
		if err := d.lines.Receive(&said); err != nil {
			t.Fatal(err)
		}
		if said.State != nil {
			told++
		}
		if said.Done != nil {
			break
		}
	}
	if told > 0 {
		t.Errorf("it told %d times of a process that could not move", told)
	}
	d.awaitEnd(t)
}

// A process that cannot be rebuilt at home stays away, and is shown as before.
func TestShownAfterFailedReturn(t *testing.T) {
	v := startVictim(t, "echo $$; exec sleep 60")
	a := linktest.NewAuthority(t)
	large := badExecutor{serve: after(wire.TypeTrailer, func(l *link.Link, f *link.Frame) {
		rebuilt(l, f, "")
		freeze := until(l, wire.TypeFreeze)
		var img image.Image
		if freeze == nil || f.Decode(&img) != nil {
			return
		}
		first := img.Mappings[0].Start
		img.Mappings = append([]image.Mapping{{Start: 1 << 30, End: first, Prot: unix.PROT_READ | unix.PROT_WRITE,
			Flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, File: -1}}, img.Mappings...)
		h := freeze.Header
		h.Type, h.Ack = wire.TypeImage, freeze.Seq
		l.Send(h, &img)
		beSilent(l, f)
	})}
	d := startDeputy(t, a)
	d.lines.Send(toNode2(1, v.pid, large.listen(t, a)))
	if done := d.answer(t); done.Failure != "" {
		t.Fatal(done.Failure)
	}
	d.lines.Send(control.ToDeputy{Move: &control.Move{ID: 2, Pid: v.pid}})
	if done := d.answer(t); !strings.Contains(done.Failure, "cannot allocate memory") {
		t.Errorf("failure: %q", done.Failure)
	}
	if shown, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", v.pid)); string(shown) != "sleep\x0060\x00" {
		t.Errorf("ps shows %q (%v)", shown, err)
	}
}
