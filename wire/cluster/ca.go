package cluster

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

// JobTTL is how long the certificate of a deputy, an executor or a daemon is
// valid; a daemon issues itself a new one in time.
const JobTTL = 24 * time.Hour

// maxTTL bounds what Issue gives out.
const maxTTL = 366 * 24 * time.Hour

// skew is how far the clocks of two nodes may differ.
const skew = time.Hour

// The authority's own certificate is valid for longer than any clock is wrong,
// so that all nodes make the same one without agreeing on a time.
var (
	rootNotBefore = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	rootNotAfter  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// CA is the certificate authority of a cluster. All daemons that know the secret
// have the same one, so none has to be asked for a signature.
type CA struct {
	root     root
	previous *root  // accepted too, while the cluster rotates
	cross    []byte // DER: the new root's key, signed by the previous root
	now      func() time.Time
}

// root is the key and the certificate derived from one secret.
type root struct {
	key    ed25519.PrivateKey
	cert   *x509.Certificate
	gossip GossipKey
}

// GossipKey seals gossip. ID names it on the wire and says nothing about it.
type GossipKey struct {
	ID  uint32
	Key [32]byte
}

// NewCA makes the authority of a cluster that is not rotating its secret.
func NewCA(secret Secret) (*CA, error) { return Secrets{Current: secret}.CA() }

// CA makes the authority. With a previous secret both authorities are accepted,
// and what the new one issues is accepted also by nodes that know only the
// previous one: it is signed by both.
func (s Secrets) CA() (*CA, error) {
	current, err := newRoot(s.Current)
	if err != nil {
		return nil, err
	}
	ca := &CA{root: current, now: time.Now}
	if s.Previous == nil {
		return ca, nil
	}
	previous, err := newRoot(*s.Previous)
	if err != nil {
		return nil, err
	}
	ca.previous = &previous
	ca.cross, err = x509.CreateCertificate(nil, rootTemplate(current.key), previous.cert, current.key.Public(), previous.key)
	if err != nil {
		return nil, fmt.Errorf("sign the new authority with the previous one: %w", err)
	}
	return ca, nil
}

// newRoot derives everything that comes from one secret. The salt and the infos
// are part of the protocol: they never change.
func newRoot(s Secret) (root, error) {
	var r root
	seed, err := derive(s, "certificate authority", ed25519.SeedSize)
	if err != nil {
		return r, err
	}
	r.key = ed25519.NewKeyFromSeed(seed)
	template := rootTemplate(r.key)
	der, err := x509.CreateCertificate(nil, template, template, r.key.Public(), r.key)
	if err != nil {
		return r, fmt.Errorf("make the authority: %w", err)
	}
	if r.cert, err = x509.ParseCertificate(der); err != nil {
		return r, fmt.Errorf("make the authority: %w", err)
	}
	sealing, err := derive(s, "gossip", len(r.gossip.Key)+4)
	if err != nil {
		return r, err
	}
	r.gossip.ID = binary.BigEndian.Uint32(sealing)
	copy(r.gossip.Key[:], sealing[4:])
	return r, nil
}

func derive(s Secret, info string, n int) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, s[:], []byte("umosix cluster secret 1"), info, n)
	if err != nil {
		return nil, fmt.Errorf("derive %s key: %w", info, err)
	}
	return key, nil
}

// rootTemplate describes an authority. Two authorities differ in their names, so
// that a verifier finds the right one among several.
func rootTemplate(key ed25519.PrivateKey) *x509.Certificate {
	id := sha256.Sum256(key.Public().(ed25519.PublicKey))
	return &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(id[:16]),
		Subject:               pkix.Name{CommonName: "umosix cluster " + hex.EncodeToString(id[:8])},
		SubjectKeyId:          id[:20],
		NotBefore:             rootNotBefore,
		NotAfter:              rootNotAfter,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLen:            1,
		KeyUsage:              x509.KeyUsageCertSign,
	}
}

// Issue makes a fresh key and a certificate for id, valid from one hour ago (the
// clocks of two nodes may differ) to ttl from now. Cert holds the certificate
// and, while the cluster rotates, the one that ties it to the previous
// authority; CA holds every authority that is to be accepted.
func (ca *CA) Issue(id wire.Identity, ttl time.Duration) (control.Credentials, error) {
	var none control.Credentials
	if err := id.Validate(); err != nil {
		return none, fmt.Errorf("issue certificate: %w", err)
	}
	if ttl <= 0 || ttl > maxTTL {
		return none, fmt.Errorf("issue certificate for %s: bad lifetime %v", id, ttl)
	}
	template, err := leafTemplate(id, ca.now(), ttl)
	if err != nil {
		return none, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return none, fmt.Errorf("issue certificate for %s: %w", id, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.root.cert, public, ca.root.key)
	if err != nil {
		return none, fmt.Errorf("issue certificate for %s: %w", id, err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return none, fmt.Errorf("issue certificate for %s: %w", id, err)
	}
	cert := pemText("CERTIFICATE", der)
	if ca.cross != nil {
		cert += pemText("CERTIFICATE", ca.cross)
	}
	return control.Credentials{Cert: cert, Key: pemText("PRIVATE KEY", key), CA: ca.Bundle()}, nil
}

// leafTemplate describes the certificate of id.
func leafTemplate(id wire.Identity, now time.Time, ttl time.Duration) (*x509.Certificate, error) {
	name, err := url.Parse(id.String())
	if err != nil {
		return nil, fmt.Errorf("issue certificate for %s: %w", id, err)
	}
	var serial [16]byte
	rand.Read(serial[:])
	return &x509.Certificate{
		SerialNumber:          new(big.Int).SetBytes(serial[:]),
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(ttl),
		URIs:                  []*url.URL{name},
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, nil
}

// Bundle is the PEM text of every authority that is accepted, current first.
func (ca *CA) Bundle() string {
	text := pemText("CERTIFICATE", ca.root.cert.Raw)
	if ca.previous != nil {
		text += pemText("CERTIFICATE", ca.previous.cert.Raw)
	}
	return text
}

// GossipKeys are the keys of gossip, current first, then the previous one.
func (ca *CA) GossipKeys() []GossipKey {
	keys := []GossipKey{ca.root.gossip}
	if ca.previous != nil {
		keys = append(keys, ca.previous.gossip)
	}
	return keys
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
