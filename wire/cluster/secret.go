package cluster

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The names of the secrets in a configuration directory.
const (
	SecretName   = "secret"
	PreviousName = "secret.previous" // still accepted while the cluster rotates
)

// Secret is what all nodes of a cluster know and nobody else. It never prints.
type Secret [32]byte

// String hides the secret.
func (Secret) String() string { return "secret(hidden)" }

// Format hides the secret from every verb of fmt.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Secrets are the secret in use and, while a cluster rotates, the one before.
type Secrets struct {
	Current  Secret
	Previous *Secret
}

// LoadSecrets reads the secret in dir, and the previous one if there is one.
func LoadSecrets(dir string) (Secrets, error) {
	current, err := loadSecret(filepath.Join(dir, SecretName))
	if err != nil {
		return Secrets{}, err
	}
	secrets := Secrets{Current: current}
	previous, err := loadSecret(filepath.Join(dir, PreviousName))
	switch {
	case err == nil:
		secrets.Previous = &previous
	case !errors.Is(err, fs.ErrNotExist):
		return Secrets{}, err
	}
	return secrets, nil
}

// loadSecret reads one file after it has made sure that only its owner, who
// must be this user, can read it.
func loadSecret(path string) (Secret, error) {
	var s Secret
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("cluster secret %s: %w: make one with mosctl keygen and copy it to all nodes", path, fs.ErrNotExist)
	}
	if err != nil {
		return s, fmt.Errorf("cluster secret: %w", err)
	}
	defer f.Close()
	if err := checkPrivate(f); err != nil {
		return s, fmt.Errorf("cluster secret %s is refused: %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, 2*int64(len(s))+3))
	if err != nil {
		return s, fmt.Errorf("cluster secret %s: %w", path, err)
	}
	if s, err = parseSecret(string(text)); err != nil {
		return s, fmt.Errorf("cluster secret %s: %w", path, err)
	}
	return s, nil
}

// checkPrivate says why an open file is not fit for a secret.
func checkPrivate(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return errors.New("it is no regular file")
	case !ok || int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("it belongs to uid %d, this is uid %d", stat.Uid, os.Geteuid())
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("others may read it (mode %04o): chmod 600 it, and make a new one if it was seen", info.Mode().Perm())
	}
	return nil
}

// parseSecret reads 64 hexadecimal digits and at most one line end.
func parseSecret(text string) (Secret, error) {
	var s Secret
	digits := strings.TrimRight(text, "\r\n")
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != len(s) {
		return s, fmt.Errorf("it must be %d hexadecimal digits on one line", 2*len(s))
	}
	copy(s[:], raw)
	if s == (Secret{}) {
		return s, errors.New("it is all zero")
	}
	return s, nil
}

// Keygen says how a new secret is written.
type Keygen struct {
	Force  bool // replace a secret that is there, or a rotation that is not finished
	Rotate bool // keep the present secret as the previous one
}

// Write makes a new random secret in dir, 0600, and returns its path. Without
// Force or Rotate it refuses where there is a secret already.
func (k Keygen) Write(dir string) (string, error) {
	path := filepath.Join(dir, SecretName)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("keygen: %w", err)
	}
	if k.Rotate {
		if err := k.keepPrevious(dir); err != nil {
			return "", fmt.Errorf("keygen: %w", err)
		}
	}
	var s Secret
	rand.Read(s[:])
	if err := writeSecret(path, s, k.Force || k.Rotate); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("keygen: %s: %w: --rotate changes it in a running cluster", path, fs.ErrExist)
		}
		return "", fmt.Errorf("keygen: %w", err)
	}
	return path, nil
}

// keepPrevious copies the present secret to the previous one's name.
func (k Keygen) keepPrevious(dir string) error {
	present, err := loadSecret(filepath.Join(dir, SecretName))
	if err != nil {
		return err
	}
	path := filepath.Join(dir, PreviousName)
	err = writeSecret(path, present, k.Force)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w: remove it on all nodes when all have the present secret, then rotate again", path, fs.ErrExist)
	}
	return err
}

// writeSecret puts the whole file there in one step. Without replace it fails
// with fs.ErrExist if the name is taken.
func writeSecret(path string, s Secret, replace bool) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(hex.EncodeToString(s[:]) + "\n")
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if replace {
		return os.Rename(tmp.Name(), path)
	}
	return os.Link(tmp.Name(), path)
}
