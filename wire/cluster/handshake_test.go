package cluster

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"pgregory.net/rapid"

	"umosix/wire"
	"umosix/wire/control"
	"umosix/wire/link"
)

// handshake lets two holders of credentials meet as deputies and executors do,
// and returns whom the server saw.
func handshake(t rapid.TB, server, client control.Credentials) (seen wire.Identity, err error) {
	note := func(peer wire.Identity) error { seen = peer; return nil }
	s, err := link.ServerConfig(server, note)
	if err != nil {
		t.Fatal(err)
	}
	c, err := link.ClientConfig(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := connection(t)
	defer a.Close()
	done := make(chan error, 1)
	go func() {
		defer b.Close()
		done <- tls.Client(b, c).Handshake()
	}()
	if err = tls.Server(a, s).Handshake(); err != nil {
		a.Close()
	}
	if failed := <-done; err == nil {
		err = failed
	}
	return seen, err
}

// connection is both ends of one over loopback: unlike a pipe in memory it
// buffers, so that a side which refuses can say so while the other still writes.
func connection(t rapid.TB) (a, b net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if b, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if a, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, end := range []net.Conn{a, b} {
		end.SetDeadline(time.Now().Add(30 * time.Second))
	}
	return a, b
}

// Every identity survives a certificate and a handshake.
func TestIdentitySurvivesHandshake(t *testing.T) {
	ca, err := NewCA(Secret{1})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		id := wire.Identity{Node: 7, Kind: wire.KindDeputy, Job: rapid.StringN(1, 20, wire.MaxJobName).Draw(t, "job"), Uid: 1000}
		if id.Validate() != nil {
			t.Skip("not an identity")
		}
		creds, err := ca.Issue(id, JobTTL)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := handshake(t, creds, creds); err != nil || got != id {
			t.Fatalf("%+v was seen as %+v, %v", id, got, err)
		}
	})
}

func TestRotationByHandshake(t *testing.T) {
	old := Secret{1}
	before := issue(t, Secrets{Current: old}, deputy3)
	during := issue(t, Secrets{Current: Secret{2}, Previous: &old}, deputy3)
	after := issue(t, Secrets{Current: Secret{2}}, deputy3)
	for name, c := range map[string]struct {
		server, client control.Credentials
		ok             bool
	}{
		"before, during": {before, during, true}, "during, before": {during, before, true},
		"during, after": {during, after, true}, "after, during": {after, during, true},
		"before, after": {before, after, false},
	} {
		if got, err := handshake(t, c.server, c.client); (err == nil) != c.ok || c.ok && got != deputy3 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
