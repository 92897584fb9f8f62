package link

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

// Verify decides about a peer whose certificate is good: an error refuses it.
type Verify func(peer wire.Identity) error

// Expect makes a Verify that takes this holder and no other.
func Expect(want wire.Identity) Verify {
	return func(peer wire.Identity) error {
		if peer != want {
			return fmt.Errorf("this link is for %s", want)
		}
		return nil
	}
}

// PeerError says why a peer's certificate was refused.
type PeerError struct {
	Peer   string // the identity that it claims, or what is known of it
	Reason string
}

func (e *PeerError) Error() string { return "peer " + e.Peer + ": " + e.Reason }

// ServerConfig makes the TLS settings of the side that accepted: TLS 1.3 only,
// own certificate and the cluster's authorities from creds, and a peer that has a
// certificate of this cluster and passes verify (nil: any). Refusals are
// *PeerError.
func ServerConfig(creds control.Credentials, verify Verify) (*tls.Config, error) {
	cfg, err := config(creds, verify)
	if err != nil {
		return nil, err
	}
	cfg.ClientAuth = tls.RequireAnyClientCert // VerifyConnection does the rest
	return cfg, nil
}

// ClientConfig makes the TLS settings of the side that dialled; see ServerConfig.
func ClientConfig(creds control.Credentials, verify Verify) (*tls.Config, error) {
	cfg, err := config(creds, verify)
	if err != nil {
		return nil, err
	}
	// Certificates name nodes, not hosts: VerifyConnection checks them instead of
	// the library, on both sides alike.
	cfg.InsecureSkipVerify = true
	return cfg, nil
}

func config(creds control.Credentials, verify Verify) (*tls.Config, error) {
	own, err := tls.X509KeyPair([]byte(creds.Cert), []byte(creds.Key))
	if err != nil {
		return nil, fmt.Errorf("read own certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(creds.CA)) {
		return nil, errors.New("read own certificate: no authority in it")
	}
	cfg := &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{own},
		// A ticket could outlive the certificate, and its message would be read in
		// the middle of the first frames.
		SessionTicketsDisabled: true,
		// The stream is ours alone and latency is won by whole frames per record.
		DynamicRecordSizingDisabled: true,
	}
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		now := time.Now()
		if cfg.Time != nil {
			now = cfg.Time()
		}
		peer, err := identify(state, roots, now)
		if err != nil || verify == nil {
			return err
		}
		if err := verify(peer); err != nil {
			return &PeerError{peer.String(), err.Error()}
		}
		return nil
	}
	return cfg, nil
}

// identify checks the peer's certificate against the cluster's authorities and
// returns whom it names.
func identify(state tls.ConnectionState, roots *x509.CertPool, now time.Time) (wire.Identity, error) {
	if len(state.PeerCertificates) == 0 {
		return wire.Identity{}, &PeerError{"without a name", "no certificate"}
	}
	leaf := state.PeerCertificates[0]
	id, name, err := claimed(leaf)
	if err != nil {
		return id, &PeerError{name, err.Error()}
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: between,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return wire.Identity{}, &PeerError{name, reason(leaf, now, err)}
	}
	return id, nil
}

// claimed reads the identity in a certificate, which may still be forged.
func claimed(leaf *x509.Certificate) (wire.Identity, string, error) {
	if len(leaf.URIs) != 1 {
		return wire.Identity{}, fmt.Sprintf("%.80q", leaf.Subject), errors.New("certificate names no node")
	}
	name := leaf.URIs[0].String()
	id, err := wire.ParseIdentity(name)
	if err != nil {
		return id, fmt.Sprintf("%.80q", name), errors.New("certificate names no node")
	}
	return id, name, nil
}

// reason puts in words why a certificate is not good.
func reason(leaf *x509.Certificate, now time.Time, err error) string {
	const day = "2006-01-02 15:04:05 MST"
	unknown := x509.UnknownAuthorityError{}
	switch {
	case now.After(leaf.NotAfter):
		return "certificate expired on " + leaf.NotAfter.UTC().Format(day)
	case now.Before(leaf.NotBefore):
		return "certificate is not valid before " + leaf.NotBefore.UTC().Format(day) + " (do the clocks agree?)"
	case errors.As(err, &unknown):
		return "certificate is not signed by this cluster's secret"
	}
	return fmt.Sprintf("certificate is not good: %v", err)
}
