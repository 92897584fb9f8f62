package control

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umosix/wire"
)

// parts answers every verb in the simplest way.
type parts struct {
	register Register
	caller   Caller
	adopted  chan net.Conn
	quiet    chan struct{} // closed when there is news of a job; nil: at once
}

func (p *parts) Register(_ context.Context, who Caller, r Register) (Registered, error) {
	p.caller, p.register = who, r
	return Registered{Job: "j1", Node: 3}, nil
}
func (p *parts) Attach(context.Context, Caller, OfPid) error     { return nil }
func (p *parts) Unregister(context.Context, Caller, OfPid) error { return nil }
func (p *parts) Leave(context.Context, Caller, OfPid) error      { return nil }
func (p *parts) List(_ context.Context, _ Caller, all bool) ([]Process, error) {
	if all {
		return []Process{{Pid: 7}, {Pid: 8}}, nil
	}
	return []Process{{Pid: 7}}, nil
}
func (p *parts) Migrate(_ context.Context, _ Caller, m Migrate) (Migrated, error) {
	return Migrated{}, Refused("process %d: the moon is wrong", m.Pid)
}
func (p *parts) Hold(context.Context, Caller, Hold) error       { return errors.New("plain") }
func (p *parts) SetLock(context.Context, Caller, SetLock) error { return nil }
func (p *parts) Why(_ context.Context, _ Caller, pid int) (Reason, error) {
	return Reason{Pid: pid}, nil
}
func (p *parts) Watch(_ context.Context, _ Caller, job string, tell func(News) error) error {
	if job != "j1" {
		return NotFound("no job %s", job)
	}
	tell(News{})
	if p.quiet != nil {
		<-p.quiet
	}
	tell(News{Event: &Event{Kind: "pinned"}})
	return tell(News{Report: &Report{Job: job}})
}
func (p *parts) AdoptDeputy(_ context.Context, _ Caller, _ Adopt, conn net.Conn) error {
	p.adopted <- conn
	return nil
}
func (p *parts) Bring(context.Context) error               { return nil }
func (p *parts) Guests(context.Context) ([]Process, error) { return nil, nil }
func (p *parts) AdoptExecutor(context.Context, Caller, Adopt, net.Conn) error {
	return errors.New("no")
}
func (p *parts) Expel(context.Context) error                     { return nil }
func (p *parts) Status(context.Context) (Status, error)          { return Status{Node: 3}, nil }
func (p *parts) Peers(context.Context) ([]Neighbour, error)      { return nil, nil }
func (p *parts) Nodes(context.Context) ([]NodeLoad, error)       { return nil, nil }
func (p *parts) IsUp(context.Context, wire.NodeID) (bool, error) { return true, nil }
func (p *parts) SetFlag(context.Context, SetFlag) error          { return nil }
func (p *parts) Stop(context.Context) error                      { return nil }

// serve runs a server whose owner is the given uid.
func serve(t *testing.T, owner int) (*Client, *parts) {
	t.Helper()
	p := &parts{adopted: make(chan net.Conn, 1)}
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- (&Server{Jobs: p, Guests: p, Node: p, Owner: owner}).Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("server: %v", err)
		}
	})
	return &Client{Socket: path}, p
}

func TestVerbs(t *testing.T) {
	client, p := serve(t, os.Getuid())
	var status Status
	if err := client.Get("/v1/status", &status); err != nil || status.Node != 3 {
		t.Errorf("status: %+v %v", status, err)
	}
	var answer Registered
	ask := Register{Pid: 5, Program: "x", Options: Options{Node: 2, Lock: LockOn}}
	if err := client.Post("/v1/jobs", ask, &answer); err != nil || answer.Job != "j1" {
		t.Errorf("register: %+v %v", answer, err)
	}
	if p.register.Options.Node != 2 || p.caller != (Caller{os.Getpid(), os.Getuid(), os.Getgid()}) {
		t.Errorf("mosd got %+v of %+v", p.register, p.caller)
	}
	var list []Process
	if err := client.Get("/v1/jobs?all", &list); err != nil || len(list) != 2 {
		t.Errorf("jobs: %+v %v", list, err)
	}
	var news []News
	err := client.Watch("j1", func(n News) error { news = append(news, n); return nil })
	if err != nil || len(news) != 2 || news[1].Report == nil {
		t.Errorf("watch: %+v %v", news, err)
	}
}

// TestQuietWatch watches a job of which there is no news for longer than mosd may take to
// answer.
func TestQuietWatch(t *testing.T) {
	client, p := serve(t, os.Getuid())
	client.Timeout = 50 * time.Millisecond
	p.quiet = make(chan struct{})
	time.AfterFunc(4*client.Timeout, func() { close(p.quiet) })
	var news []News
	err := client.Watch("j1", func(n News) error { news = append(news, n); return nil })
	if err != nil || len(news) != 2 || news[1].Report == nil {
		t.Errorf("watch: %+v %v", news, err)
	}
}

func TestFailures(t *testing.T) {
	client, _ := serve(t, os.Getuid())
	for _, test := range []struct {
		path   string
		body   any
		status int
		text   string
	}{
		{"/v1/move", Migrate{Pid: 4, To: "2"}, 409, "process 4: the moon is wrong"},
		{"/v1/move", Migrate{Pid: 4}, 400, "no place"},
		{"/v1/move", map[string]any{"pid": 4, "to": "2", "why": 1}, 400, "unknown field"},
		{"/v1/move", []int{1}, 400, "not understood"},
		{"/v1/jobs", map[string]any{"pid": 1, "program": strings.Repeat("x", MaxBody)}, 400, "longer"},
		{"/v1/jobs", Register{Pid: -1}, 400, "not a process number"},
		{"/v1/jobs", Register{Pid: 1, Options: Options{Lock: "maybe"}}, 400, "not known"},
		{"/v1/freeze", Hold{Pid: 1}, 500, "plain"},
		{"/v1/nothing", Empty{}, 404, "no such verb"},
	} {
		err := client.Post(test.path, test.body, nil)
		var failure *Failure
		if !errors.As(err, &failure) || failure.Status != test.status || !strings.Contains(failure.Text, test.text) {
			t.Errorf("%s %.40v: %v, want %d %q", test.path, test.body, err, test.status, test.text)
		}
	}
	for path, status := range map[string]int{"/v1/isup/70000": 400, "/v1/isup/x": 400, "/v1/why/0": 400, "/v1/jobs/j2/watch": 404} {
		var failure *Failure
		if err := client.Get(path, nil); !errors.As(err, &failure) || failure.Status != status {
			t.Errorf("%s: %v, want %d", path, err, status)
		}
	}
}

func TestOnlyTheOwnerAdministers(t *testing.T) {
	if os.Getuid() == 0 {
		if (Caller{Uid: 5}).May(6) || !(Caller{Uid: 5}).May(5) || !(Caller{Uid: 0}).May(5) {
			t.Error("May is wrong")
		}
		return // root may do everything: the server has nobody to refuse
	}
	client, _ := serve(t, os.Getuid()+1)
	for _, path := range []string{"/v1/flags", "/v1/expel", "/v1/bring", "/v1/stop"} {
		var failure *Failure
		if err := client.Post(path, nil, nil); !errors.As(err, &failure) || failure.Status != http.StatusForbidden {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestHTTPClientsUnderstandIt(t *testing.T) {
	client, _ := serve(t, os.Getuid())
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", client.Socket)
	}
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	answer, err := (&http.Client{Transport: transport}).Get("http://mosix/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 200 || !strings.Contains(string(text), `"node":3`) {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

func TestRejoin(t *testing.T) {
	client, p := serve(t, os.Getuid())
	file, err := Rejoin(client.Socket, DeputyPath, Adopt{Job: "j1", Pid: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	theirs, ours := NewLines(<-p.adopted), NewLines(file)
	defer theirs.Close()
	go theirs.Send(ToDeputy{Stop: &Stop{}})
	var got ToDeputy
	if err := ours.Receive(&got); err != nil || got.Stop == nil {
		t.Errorf("%+v %v", got, err)
	}
	go ours.Send(FromDeputy{Event: &Event{Text: "hello"}})
	var said FromDeputy
	if err := theirs.Receive(&said); err != nil || said.Event.Text != "hello" {
		t.Errorf("%+v %v", said, err)
	}
	if _, err := Rejoin(client.Socket+"x", DeputyPath, Adopt{}); !errors.Is(err, ErrAbsent) {
		t.Errorf("no mosd: %v", err)
	}
}

func TestAbsent(t *testing.T) {
	client := Client{Socket: filepath.Join(t.TempDir(), "none")}
	if err := client.Get("/v1/status", nil); !errors.Is(err, ErrAbsent) {
		t.Error(err)
	}
	if Answers(client.Socket) == nil {
		t.Error("nobody answers")
	}
}
