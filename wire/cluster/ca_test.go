package cluster

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

var deputy3 = wire.Identity{Node: 3, Kind: wire.KindDeputy, Job: "j1", Uid: 1000}

// accepts verifies the certificate of peer the way that own would in TLS.
func accepts(t *testing.T, own, peer control.Credentials, at time.Time) (wire.Identity, error) {
	t.Helper()
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(own.CA)) {
		t.Fatal("no authority in credentials")
	}
	pair, err := tls.X509KeyPair([]byte(peer.Cert), []byte(peer.Key))
	if err != nil {
		t.Fatal(err)
	}
	for _, der := range pair.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		between.AddCert(c)
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return wire.Identity{}, err
	}
	return wire.ParseIdentity(pair.Leaf.URIs[0].String())
}

func issue(t *testing.T, s Secrets, id wire.Identity) control.Credentials {
	t.Helper()
	ca, err := s.CA()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := ca.Issue(id, JobTTL)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

func TestAuthorityIsTheSameEverywhere(t *testing.T) {
	a, err := NewCA(Secret{1})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := NewCA(Secret{1})
	c, _ := NewCA(Secret{2})
	if a.Bundle() != b.Bundle() || a.GossipKeys()[0] != b.GossipKeys()[0] {
		t.Error("one secret makes two authorities")
	}
	if a.Bundle() == c.Bundle() || a.GossipKeys()[0] == c.GossipKeys()[0] {
		t.Error("two secrets make one authority")
	}
	key := a.GossipKeys()[0].Key
	if bytes.Contains(a.root.key.Seed(), key[:8]) {
		t.Error("the gossip key is the signing key")
	}
}

func TestIssuedCertificates(t *testing.T) {
	mosd := issue(t, Secrets{Current: Secret{1}}, wire.Identity{Node: 1, Kind: wire.KindMosd, Uid: wire.NoUid})
	peer := issue(t, Secrets{Current: Secret{1}}, deputy3)
	stranger := issue(t, Secrets{Current: Secret{2}}, deputy3)
	now := time.Now()
	if id, err := accepts(t, mosd, peer, now); err != nil || id != deputy3 {
		t.Errorf("own cluster: %v, %v", id, err)
	}
	if _, err := accepts(t, mosd, stranger, now); err == nil {
		t.Error("another cluster's certificate is accepted")
	}
	for _, c := range []struct {
		after time.Duration
		ok    bool
	}{{-59 * time.Minute, true}, {-61 * time.Minute, false}, {JobTTL - time.Minute, true}, {JobTTL + time.Minute, false}} {
		if _, err := accepts(t, mosd, peer, now.Add(c.after)); (err == nil) != c.ok {
			t.Errorf("%v from now: %v", c.after, err)
		}
	}
}

// A leaf must not be able to sign others: the deputy's key lies in a process of
// the user.
func TestLeafIsNoAuthority(t *testing.T) {
	creds := issue(t, Secrets{Current: Secret{1}}, deputy3)
	pair, _ := tls.X509KeyPair([]byte(creds.Cert), []byte(creds.Key))
	if pair.Leaf.IsCA || pair.Leaf.KeyUsage&x509.KeyUsageCertSign != 0 {
		t.Error("it may sign")
	}
}

func TestRotation(t *testing.T) {
	old, fresh := Secret{1}, Secret{2}
	stages := []Secrets{{Current: old}, {Current: fresh, Previous: &old}, {Current: fresh}}
	var creds []control.Credentials
	for _, s := range stages {
		creds = append(creds, issue(t, s, deputy3))
	}
	for own, row := range [][]bool{{true, true, false}, {true, true, true}, {false, true, true}} {
		for peer, want := range row {
			if _, err := accepts(t, creds[own], creds[peer], time.Now()); (err == nil) != want {
				t.Errorf("stage %d meets stage %d: %v", own, peer, err)
			}
		}
	}
}

func TestIssueRefuses(t *testing.T) {
	ca, _ := NewCA(Secret{1})
	if _, err := ca.Issue(wire.Identity{Node: 0, Kind: wire.KindMosd, Uid: wire.NoUid}, JobTTL); err == nil {
		t.Error("an identity without node is certified")
	}
	for _, ttl := range []time.Duration{0, -1, maxTTL + 1} {
		if _, err := ca.Issue(deputy3, ttl); err == nil {
			t.Errorf("lifetime %v is given out", ttl)
		}
	}
}
