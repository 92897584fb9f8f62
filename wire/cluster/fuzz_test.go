package cluster

import (
	"strings"
	"testing"
)

func FuzzMap(f *testing.F) {
	for _, seed := range []string{
		"1 10.0.0.1 3\n", "1 alpha:5000 1 # x\n1 192.168.0.1 ALIAS\n", "65535 [fd00::1]:99 1", "1 10.0.0.250 7",
		"9 127.0.0.1 9\n9 127.0.0.1 ALIAS", "1\t::1\t1\r\n", "1 fe80::1%eth0 1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := readMap(text)
		if err != nil {
			if m != nil || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q: a map and an error, or a long one: %v", text, err)
			}
			return
		}
		again, err := readMap(m.String())
		if err != nil || again.Digest() != m.Digest() {
			t.Fatalf("%q printed as %q: %v", text, m, err)
		}
		for _, n := range m.Nodes() {
			at, ok := m.Address(n)
			if back, found := m.Node(at); !ok || !found || back != n {
				t.Fatalf("%q: node %d at %s is found as %d", text, n, at, back)
			}
		}
	})
}

func FuzzConf(f *testing.F) {
	for _, seed := range []string{
		"allow 1,4-7\ndeny 6\n", "guests yes", "guests 0-4294967294", "grace 30s # x", "mfs no", "mfs yes /m", "web :80", "dfsa /\ndfsa /\n", "memory-reserve 1099511627775",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		conf := DefaultConf()
		if err := conf.Read("c", strings.NewReader(text)); err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
