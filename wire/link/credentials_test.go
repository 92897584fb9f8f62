package link_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"umosix/wire"
	"umosix/wire/control"
	"umosix/wire/link"
	"umosix/wire/link/linktest"
)

// Who may not come in, and what the side that refuses says. The other side only
// learns that it was refused: from its handshake, or from its first Receive.
func TestRefusedPeers(t *testing.T) {
	ours, foreign := linktest.NewAuthority(t), linktest.NewAuthority(t)
	day := 24 * time.Hour
	yesterday, tomorrow := time.Now().Add(-day), time.Now().Add(day)
	good := ours.Issue(t, linktest.DeputyID)
	for _, c := range []struct {
		name  string
		creds control.Credentials
		check link.Verify
		says  []string
	}{
		{"expired", ours.IssueFor(t, linktest.DeputyID.String(), yesterday.Add(-day), yesterday), nil,
			[]string{"node/1/deputy/test/1000", "certificate expired on " + yesterday.UTC().Format("2006-01-02 15:04")}},
		{"from the future", ours.IssueFor(t, linktest.DeputyID.String(), tomorrow, tomorrow.Add(day)), nil,
			[]string{"node/1/deputy/test/1000", "not valid before " + tomorrow.UTC().Format("2006-01-02 15:04")}},
		{"of another cluster", foreign.Issue(t, linktest.DeputyID), nil,
			[]string{"node/1/deputy/test/1000", "not signed by this cluster's secret"}},
		{"without a name", ours.IssueFor(t, "https://example.com/", yesterday, tomorrow), nil,
			[]string{"example.com", "names no node"}},
		{"not wanted here", good, func(p wire.Identity) error { return errors.New("uid 1000 may not come") },
			[]string{"node/1/deputy/test/1000", "uid 1000 may not come"}},
		{"of another job", good, link.Expect(wire.Identity{Node: 1, Kind: wire.KindDeputy, Job: "other", Uid: 1000}),
			[]string{"node/1/deputy/test/1000", "this link is for umosix://node/1/deputy/other/1000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.creds.CA = good.CA // all trust the executor
			p, dialErr, acceptErr := linktest.Connect(t, linktest.Ends{
				Deputy:   linktest.Config{Creds: c.creds},
				Executor: linktest.Config{Creds: ours.Issue(t, linktest.ExecutorID), Verify: c.check},
			}, false)
			var refusal *link.PeerError
			if !errors.As(acceptErr, &refusal) || p.Executor != nil {
				t.Fatalf("executor says %v", acceptErr)
			}
			for _, words := range c.says {
				if !strings.Contains(acceptErr.Error(), words) {
					t.Errorf("%q is missing in: %v", words, acceptErr)
				}
			}
			if dialErr == nil {
				_, dialErr = p.Deputy.Receive()
			}
			if dialErr == nil || !strings.Contains(dialErr.Error(), "peer refused us") {
				t.Errorf("deputy says %v", dialErr)
			}
			if strings.ContainsRune(acceptErr.Error(), '\n') {
				t.Errorf("more than one line: %v", acceptErr)
			}
		})
	}
}

// The deputy checks the executor as strictly.
func TestRefusedExecutor(t *testing.T) {
	ours, foreign := linktest.NewAuthority(t), linktest.NewAuthority(t)
	deputy, executor := ours.Issue(t, linktest.DeputyID), foreign.Issue(t, linktest.ExecutorID)
	executor.CA = deputy.CA
	_, dialErr, acceptErr := linktest.Connect(t, linktest.Ends{
		Deputy:   linktest.Config{Creds: deputy},
		Executor: linktest.Config{Creds: executor},
	}, false)
	var refusal *link.PeerError
	if !errors.As(dialErr, &refusal) || !strings.Contains(dialErr.Error(), "node/2/executor/test/1000: certificate is not signed") {
		t.Errorf("deputy says %v", dialErr)
	}
	if acceptErr == nil {
		t.Error("executor has a link")
	}
}

// With two authorities in its credentials a side accepts both: the secret is
// being replaced.
func TestTwoAuthorities(t *testing.T) {
	old, fresh := linktest.NewAuthority(t), linktest.NewAuthority(t)
	deputy, executor := old.Issue(t, linktest.DeputyID), fresh.Issue(t, linktest.ExecutorID)
	both := deputy.CA + executor.CA
	deputy.CA, executor.CA = both, both
	_, dialErr, acceptErr := linktest.Connect(t, linktest.Ends{
		Deputy:   linktest.Config{Creds: deputy, Verify: link.Expect(linktest.ExecutorID)},
		Executor: linktest.Config{Creds: executor, Verify: link.Expect(linktest.DeputyID)},
	}, false)
	if err := errors.Join(dialErr, acceptErr); err != nil {
		t.Fatal(err)
	}
}

// Credentials that cannot be used are told from the start.
func TestBadCredentials(t *testing.T) {
	good := linktest.NewAuthority(t).Issue(t, linktest.DeputyID)
	noCA, noKey := good, good
	noCA.CA, noKey.Key = "", ""
	for _, c := range []control.Credentials{{}, noCA, noKey} {
		if _, err := link.ClientConfig(c, nil); err == nil {
			t.Error("client settings without credentials")
		}
		if _, err := link.ServerConfig(c, nil); err == nil {
			t.Error("server settings without credentials")
		}
	}
}

// mosd refuses before TLS, and its words arrive fit for a terminal.
func TestRefusedInPreface(t *testing.T) {
	a := linktest.NewAuthority(t)
	_, dialErr, _ := linktest.Connect(t, linktest.Ends{
		Deputy:   linktest.Config{Creds: a.Issue(t, linktest.DeputyID)},
		Executor: linktest.Config{Creds: a.Issue(t, linktest.ExecutorID), Refusal: "no such\x1b ticket" + strings.Repeat("!", 300)},
	}, false)
	var refusal *link.RefusedError
	if !errors.As(dialErr, &refusal) || !strings.HasPrefix(refusal.Reason, "no such? ticket!!") || len(refusal.Reason) != 255 {
		t.Fatalf("deputy says %v", dialErr)
	}
}

// A context that ends stops a deputy that waits for a silent node.
func TestDialIsCancelled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg, err := link.ClientConfig(linktest.NewAuthority(t).Issue(t, linktest.DeputyID), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err = link.Dial(ctx, l.Addr().String(), link.Ticket{}, cfg, link.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Fatalf("took %v", took)
	}
}
