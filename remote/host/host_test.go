package host

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"umosix/wire"
	"umosix/wire/cluster"
	"umosix/wire/control"
	"umosix/wire/link"
)

// world is node 1 with its host, and the means to be another node.
type world struct {
	*Host
	t       *testing.T
	ca      *cluster.CA
	address string
	policy  Policy

	mu      sync.Mutex
	started []*fakeExecutor
}

// fakeExecutor is mosd's child as a test sees it.
type fakeExecutor struct {
	job   string
	uid   int
	lines *control.Lines
	link  *os.File
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ca, err := cluster.NewCA(cluster.Secret{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ca: ca, policy: Policy{Cage: CageAny}}
	w.Host = New(Config{
		Self: 1, Uid: 1000, Dir: t.TempDir(), Grace: time.Second,
		Hello:       control.PeerHello{Protocol: control.PeerProtocol, Node: 1, Version: "test"},
		Policy:      func() Policy { return w.policy },
		Credentials: func() (control.Credentials, error) { return w.issue(wire.KindMosd, 1, ""), nil },
		Issue: func(job string, uid int) (control.Credentials, error) {
			return w.issue(wire.KindExecutor, 1, job), nil
		},
		Return: func(_ context.Context, from wire.NodeID, ask control.Return) (control.Migrated, error) {
			if from != 2 {
				return control.Migrated{}, errors.New("it is not there")
			}
			return control.Migrated{Pid: ask.Pid, From: from}, nil
		},
		Launch: w.launch,
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		w.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, e := range w.started {
			e.lines.Close()
			e.link.Close()
		}
	})
	return w
}

func (w *world) issue(kind wire.Kind, node wire.NodeID, job string) control.Credentials {
	uid := wire.NoUid
	if job != "" {
		uid = 1000
	}
	creds, err := w.ca.Issue(wire.Identity{Node: node, Kind: kind, Job: job, Uid: uid}, time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return creds
}

func (w *world) launch(job string, uid int, conn *os.File) (control.Running, error) {
	ours, theirs, err := control.NewChannel()
	if err != nil {
		return control.Running{}, err
	}
	defer theirs.Close()
	channel, err := net.FileConn(theirs)
	if err != nil {
		return control.Running{}, err
	}
	kept, err := net.FileConn(conn)
	if err != nil {
		return control.Running{}, err
	}
	file, err := kept.(*net.TCPConn).File()
	kept.Close()
	if err != nil {
		return control.Running{}, err
	}
	w.mu.Lock()
	w.started = append(w.started, &fakeExecutor{job: job, uid: uid, lines: control.NewLines(channel), link: file})
	w.mu.Unlock()
	return control.Running{Pid: 77, Channel: ours}, link.AdmitFile(file)
}

// first is the executor that was started first.
func (w *world) first() *fakeExecutor {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.started[0]
}

// connect is a control connection of somebody with these credentials.
func (w *world) connect(creds control.Credentials) (net.Conn, error) {
	plain, err := net.Dial("tcp", w.address)
	if err != nil {
		return nil, err
	}
	w.t.Cleanup(func() { plain.Close() })
	if err := link.WritePreface(plain, link.Preface{Kind: link.PrefaceControl}); err != nil {
		return nil, err
	}
	settings, err := link.ClientConfig(creds, nil)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(plain, settings)
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	return conn, conn.Handshake()
}

func (w *world) ask(conn net.Conn, ask control.PeerAsk) (answer control.PeerAnswer, err error) {
	if err = control.WritePeer(conn, ask); err == nil {
		err = control.ReadPeer(conn, &answer)
	}
	return answer, err
}

// mosd2 is a control connection of node 2.
func (w *world) mosd2() net.Conn {
	w.t.Helper()
	conn, err := w.connect(w.issue(wire.KindMosd, 2, ""))
	if err != nil {
		w.t.Fatal(err)
	}
	return conn
}

func (w *world) ticket(conn net.Conn) link.Ticket {
	w.t.Helper()
	answer, err := w.ask(conn, control.PeerAsk{Admit: &control.Admit{Job: "5-x", Home: 2, Uid: 1000, Grace: 7}})
	if err != nil || answer.Admitted == nil {
		w.t.Fatalf("not admitted: %+v %v", answer, err)
	}
	return link.Ticket(answer.Admitted.Ticket)
}

// come is a deputy with a ticket; it returns the answer of mosd.
func (w *world) come(ticket link.Ticket) (net.Conn, byte) {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	link.WritePreface(conn, link.Preface{Kind: link.PrefaceLink, Ticket: ticket})
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		w.t.Fatal(err)
	}
	return conn, answer[0]
}

func TestControlBetweenDaemons(t *testing.T) {
	w := newWorld(t)
	conn := w.mosd2()
	hello, err := w.ask(conn, control.PeerAsk{Hello: &control.PeerHello{Protocol: control.PeerProtocol, Node: 2}})
	if err != nil || hello.Hello == nil || hello.Hello.Node != 1 {
		t.Errorf("hello: %+v %v", hello, err)
	}
	old, err := w.ask(conn, control.PeerAsk{Hello: &control.PeerHello{Protocol: 99}})
	if err != nil || !strings.Contains(old.Refusal, "version") {
		t.Errorf("another version: %+v %v", old, err)
	}
	back, err := w.ask(conn, control.PeerAsk{Return: &control.Return{Pid: 5, To: "home"}})
	if err != nil || back.Migrated == nil || back.Migrated.From != 2 {
		t.Errorf("return: %+v %v", back, err)
	}
	w.policy.Blocked = true
	blocked, err := w.ask(conn, control.PeerAsk{Admit: &control.Admit{Job: "j", Home: 2, Uid: 5}})
	if err != nil || !strings.Contains(blocked.Refusal, "block") {
		t.Errorf("blocked: %+v %v", blocked, err)
	}
	if nothing, err := w.ask(conn, control.PeerAsk{}); err != nil || nothing.Refusal == "" {
		t.Errorf("nothing: %+v %v", nothing, err)
	}
}

func TestOnlyDaemonsMayAsk(t *testing.T) {
	w := newWorld(t)
	other, err := cluster.NewCA(cluster.Secret{9})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Issue(wire.Identity{Node: 2, Kind: wire.KindMosd, Uid: wire.NoUid}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	foreign.CA = w.ca.Bundle() // it would believe us
	for name, creds := range map[string]control.Credentials{
		"a deputy": w.issue(wire.KindDeputy, 2, "5-x"), "another cluster": foreign,
	} {
		conn, err := w.connect(creds)
		if err == nil { // TLS 1.3: the refusal shows at the first answer
			_, err = w.ask(conn, control.PeerAsk{Hello: &control.PeerHello{Protocol: control.PeerProtocol}})
		}
		if err == nil {
			t.Errorf("%s was answered", name)
		}
	}
}

func TestTicketStartsExecutor(t *testing.T) {
	w := newWorld(t)
	ticket := w.ticket(w.mosd2())
	conn, answer := w.come(ticket)
	if answer != 0 {
		t.Fatalf("refused: %d", answer)
	}
	e := w.first()
	var start control.Start
	if err := e.lines.Receive(&start); err != nil {
		t.Fatal(err)
	}
	if start.Job != "5-x" || start.Home != 2 || start.Node != 1 || start.Uid != 1000 || start.Grace != 7*time.Second || start.Cage != CageAny {
		t.Errorf("start: %+v", start)
	}
	go conn.Write([]byte("hello"))
	e.link.SetReadDeadline(time.Now().Add(5 * time.Second))
	text := make([]byte, 5)
	if _, err := io.ReadFull(e.link, text); err != nil || string(text) != "hello" {
		t.Errorf("over the link: %q %v", text, err)
	}
	if _, again := w.come(ticket); again == 0 {
		t.Error("the ticket was good twice")
	}
	if _, wrong := w.come(link.Ticket{5}); wrong == 0 {
		t.Error("a made-up ticket was good")
	}
}

func TestGuestsAndExpel(t *testing.T) {
	w := newWorld(t)
	w.come(w.ticket(w.mosd2()))
	e := w.first()
	var start control.Start
	if err := e.lines.Receive(&start); err != nil {
		t.Fatal(err)
	}
	e.lines.Send(control.FromExecutor{Cage: "seccomp", Guests: []control.Guest{{Pid: 42, CPU: time.Second, Command: "a\nb"}}})
	for end := time.Now().Add(5 * time.Second); w.Count() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the guest never showed")
		}
	}
	list, _ := w.Guests(context.Background())
	if len(list) != 1 || list[0].Pid != 42 || list[0].Home != 2 || list[0].Command != "a?b" || w.Cage() != "seccomp" {
		t.Errorf("guests: %+v, cage %q", list, w.Cage())
	}
	go func() {
		var leave control.ToExecutor
		if e.lines.Receive(&leave) == nil && leave.Leave {
			e.lines.Close()
		}
	}()
	if err := w.Leave(context.Background()); err != nil {
		t.Fatal(err)
	}
	if w.Count() != 0 {
		t.Error("guests are left")
	}
	answer, err := w.ask(w.mosd2(), control.PeerAsk{Admit: &control.Admit{Job: "j", Home: 2, Uid: 5}})
	if err != nil || answer.Refusal == "" {
		t.Errorf("a node that ends took a job: %+v %v", answer, err)
	}
}

func TestRubbishCostsOnlyItsConnection(t *testing.T) {
	w := newWorld(t)
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte(strings.Repeat("GET / HTTP/1.1\r\n", 10)))
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("not dropped: %v", err)
	}
	w.mosd2()
}

// An executor that comes when the host is about to leave is told so after it is told to start.
func TestStartIsTheFirstLine(t *testing.T) {
	w := newWorld(t)
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w.Host.leaving = true
	if err := w.startExecutor(conn, &control.Admit{Job: "7-a", Home: 2, Uid: 1000}); err != nil {
		t.Fatal(err)
	}
	var start control.Start
	var then control.ToExecutor
	e := w.first()
	if err := errors.Join(e.lines.Receive(&start), e.lines.Receive(&then)); err != nil || start.Job != "7-a" || !then.Leave {
		t.Errorf("first %+v, then %+v, %v", start, then, err)
	}
}
