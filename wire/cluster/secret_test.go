package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeygen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc")
	path, err := Keygen{}.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
	first, err := LoadSecrets(dir)
	if err != nil || first.Previous != nil {
		t.Fatalf("%v %v", first, err)
	}
	if _, err := (Keygen{}).Write(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("overwriting: %v", err)
	}
	if _, err := (Keygen{Rotate: true}).Write(dir); err != nil {
		t.Fatal(err)
	}
	second, err := LoadSecrets(dir)
	if err != nil || second.Previous == nil || *second.Previous != first.Current || second.Current == first.Current {
		t.Fatalf("after rotation: %v", err)
	}
	if _, err := (Keygen{Rotate: true}).Write(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("rotating twice: %v", err)
	}
	if _, err := (Keygen{Rotate: true, Force: true}).Write(dir); err != nil {
		t.Error(err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*")); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestSecretRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), SecretName)
	digits := strings.Repeat("0f", 32)
	for _, c := range []struct {
		text string
		mode os.FileMode
		want string
	}{
		{digits + "\n", 0o600, ""},
		{digits, 0o400, ""},
		{digits, 0o640, "others may read it (mode 0640)"},
		{digits, 0o604, "others may read it (mode 0604)"},
		{digits[:62], 0o600, "64 hexadecimal digits"},
		{digits + "00", 0o600, "64 hexadecimal digits"},
		{strings.Repeat("0", 64), 0o600, "all zero"},
		{"", 0o600, "64 hexadecimal digits"},
	} {
		os.Remove(path)
		os.WriteFile(path, []byte(c.text), 0o600)
		os.Chmod(path, c.mode)
		_, err := LoadSecrets(filepath.Dir(path))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q mode %o: %v", c.text, c.mode, err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %v", err)
		}
	}
	if os.Geteuid() == 0 {
		os.Remove(path)
		os.WriteFile(path, []byte(digits), 0o600)
		os.Chown(path, 12345, -1)
		if _, err := LoadSecrets(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "belongs to uid 12345") {
			t.Errorf("foreign owner: %v", err)
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := Secret{0: 0xab, 31: 0xcd}
	js, _ := json.Marshal(Secrets{Current: s, Previous: &s})
	text := fmt.Sprintf("%v %x %#v %d %s %+v %s", s, s, s, s, s, Secrets{Current: s}, js)
	for _, leak := range []string{"ab", "171", "cd", "205"} {
		if strings.Contains(text, leak) {
			t.Errorf("%q shows in %s", leak, text)
		}
	}
}
