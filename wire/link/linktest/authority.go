// Package linktest is the twin of wire/link for tests: links with certificates of
// a throw-away authority, connected through a middle that can delay, stall, cut,
// truncate and damage what passes, at a byte that a seed chooses.
package linktest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"testing"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

// Authority issues certificates as mosd does, for the length of a test.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

// NewAuthority makes an authority of its own: another cluster than any other's.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	key := newKey(tb)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "linktest"},
		NotBefore:             time.Now().Add(-48 * time.Hour),
		NotAfter:              time.Now().Add(48 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	a := &Authority{key: key}
	a.cert, a.pem = sign(tb, template, template, key, key)
	return a
}

// Issue makes credentials for id that are good for an hour.
func (a *Authority) Issue(tb testing.TB, id wire.Identity) control.Credentials {
	tb.Helper()
	return a.IssueFor(tb, id.String(), time.Now().Add(-time.Minute), time.Now().Add(time.Hour))
}

// IssueFor makes credentials with any URI for a name and any validity.
func (a *Authority) IssueFor(tb testing.TB, uri string, from, until time.Time) control.Credentials {
	tb.Helper()
	name, err := url.Parse(uri)
	if err != nil {
		tb.Fatal(err)
	}
	key := newKey(tb)
	_, cert := sign(tb, &x509.Certificate{
		SerialNumber: big.NewInt(2),
		NotBefore:    from,
		NotAfter:     until,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		URIs:         []*url.URL{name},
	}, a.cert, key, a.key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return control.Credentials{Cert: cert, Key: encode("PRIVATE KEY", der), CA: a.pem}
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func sign(tb testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) (*x509.Certificate, string) {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert, encode("CERTIFICATE", der)
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
