package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"umosix/wire"
)

// hosts is a resolver with a fixed table.
type hosts map[string]string

func (h hosts) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	words, ok := h[host]
	if !ok {
		return nil, errors.New("no such host")
	}
	var addrs []netip.Addr
	for _, w := range strings.Fields(words) {
		addrs = append(addrs, netip.MustParseAddr(w))
	}
	return addrs, nil
}

var testHosts = hosts{"alpha": "fd00::1 10.0.0.77", "six": "fd00::6", "me": "127.0.1.1", "none": ""}

func readMap(text string) (*Map, error) {
	return ReadMap(context.Background(), "m", strings.NewReader(text), testHosts)
}

func TestMapReads(t *testing.T) {
	m, err := readMap("# cluster\n\n 1 10.0.0.1 3 # first\n7 alpha:5000 1\r\n\t9\tsix 1\n1 192.168.0.1 ALIAS\n10 10.0.0.77:5001 1\n")
	if err != nil {
		t.Fatal(err)
	}
	for node, want := range map[wire.NodeID]string{
		1: "10.0.0.1:4660", 2: "10.0.0.2:4660", 3: "10.0.0.3:4660", 7: "10.0.0.77:5000", 9: "[fd00::6]:4660", 10: "10.0.0.77:5001",
	} {
		if at, ok := m.Address(node); !ok || at.String() != want {
			t.Errorf("node %d is at %v, want %s", node, at, want)
		}
	}
	if got := fmt.Sprint(m.Nodes()); got != "[1 2 3 7 9 10]" {
		t.Errorf("nodes are %s", got)
	}
	for at, want := range map[string]wire.NodeID{
		"10.0.0.2:4660": 2, "10.0.0.2:33": 2, "10.0.0.77:5000": 7, "10.0.0.77:5001": 10, "192.168.0.1:99": 1, "[::ffff:10.0.0.3]:1": 3,
		"10.0.0.77:1": 0, "10.0.0.4:4660": 0,
	} {
		if got, ok := m.Node(netip.MustParseAddrPort(at)); got != want || ok != (want != 0) {
			t.Errorf("%s is node %d, want %d", at, got, want)
		}
	}
	for word, want := range map[string]wire.NodeID{
		"2": 2, "alpha": 7, "10.0.0.3": 3, "10.0.0.77:5001": 10, "192.168.0.1": 1, "4": 0, "10.0.0.77": 0, "beta": 0,
	} {
		if got, err := m.Find(word); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q finds node %d (%v), want %d", word, got, err, want)
		}
	}
	if m.Host(7) != "alpha:5000" || m.Host(2) != "10.0.0.2" || m.Host(10) != "10.0.0.77:5001" {
		t.Errorf("hosts are %s %s %s", m.Host(7), m.Host(2), m.Host(10))
	}
}

func TestMapRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "m: no node in it"},
		{"1 10.0.0.1", "m:1: 2 words"},
		{"\n#\n1 10.0.0.1 1 1", "m:3: 4 words"},
		{"0 10.0.0.1 1", "m:1: bad node number \"0\""},
		{"65536 10.0.0.1 1", "m:1: bad node number"},
		{"-1 10.0.0.1 1", "m:1: bad node number"},
		{"1 10.0.0.1 0", "m:1: bad span \"0\""},
		{"1 10.0.0.1 x", "m:1: bad span \"x\""},
		{"65535 10.0.0.1 2", "m:1: 2 nodes from 65535 on go past node 65535"},
		{"1 10.0.0.250 7", "m:1: 7 addresses from 10.0.0.250 on go past .255"},
		{"1 fd00::1 2", "m:1: a span of 2 counts up an IPv4 address"},
		{"1 10.0.0.1:0 1", "m:1: bad port"},
		{"1 10.0.0.1:x 1", "m:1: bad port"},
		{"1 10.0.0.300 1", "m:1: bad host"},
		{"1 a_b!c 1", "m:1: bad host"},
		{"1 0.0.0.0 1", "m:1: 0.0.0.0 is not the address"},
		{"1 224.0.0.1 1", "m:1: 224.0.0.1 is not the address"},
		{"1 beta 1", "m:1: host beta can't be resolved"},
		{"1 none 1", "m:1: host none has no address"},
		{"1 10.0.0.1 3\n3 10.0.0.9 1", "m:2: node 3 stands in line 1 already"},
		{"1 10.0.0.1 3\n8 10.0.0.2 1", "m:2: address 10.0.0.2:4660 of node 8 stands in line 1 already"},
		{"1 10.0.0.1 1\n1 10.0.0.1 ALIAS", "m:2: address 10.0.0.1 stands in line 1 already"},
		{"1 10.0.0.2 ALIAS\n1 10.0.0.1 2", "m:2: address 10.0.0.2:4660 of node 2 stands in line 1 already"},
		{"1 10.0.0.1 1\n2 10.0.0.2 ALIAS", "m:2: an alias of node 2, which has no line"},
		{"1 10.0.0.1 1\n1 10.0.0.2:5 ALIAS", "m:2: an alias has no port"},
		{"1 10.0.0.1 1\n2 me 1", "m:2: me is the loopback address 127.0.1.1"},
		{"1 me 1\n2 10.0.0.1 1", "m:2: address 10.0.0.1 can't reach the loopback address in line 1"},
		{strings.Repeat("#", maxMapSize+1), "m: larger than"},
	} {
		if _, err := readMap(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q gives %v, want %s", c.text, err, c.want)
		}
	}
}

func TestMapSelf(t *testing.T) {
	m, _ := readMap("1 10.0.0.1 3\n2 192.168.0.2 ALIAS")
	loop, _ := readMap("1 127.0.0.1 2")
	addrs := func(s string) (out []netip.Addr) {
		for _, w := range strings.Fields(s) {
			out = append(out, netip.MustParseAddr(w))
		}
		return out
	}
	for _, c := range []struct {
		m     *Map
		local string
		told  wire.NodeID
		want  wire.NodeID
		err   string
	}{
		{m, "127.0.0.1 10.0.0.3", 0, 3, ""},
		{m, "192.168.0.2", 0, 2, ""},
		{m, "192.168.0.2 10.0.0.2", 0, 2, ""},
		{m, "10.9.9.9", 1, 1, ""},
		{m, "10.9.9.9", 4, 0, "no line for node 4"},
		{m, "127.0.0.1 10.9.9.9", 0, 0, "no line has one of its addresses (10.9.9.9)"},
		{m, "127.0.0.1", 0, 0, "it has none but loopback"},
		{m, "10.0.0.1 10.0.0.2", 0, 0, "nodes 1, 2 have addresses of this machine"},
		{loop, "127.0.0.1", 0, 0, "nodes 1, 2 have addresses of this machine"},
		{loop, "127.0.0.1", 2, 2, ""},
	} {
		got, err := c.m.Self(addrs(c.local), c.told)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("local %s told %d: %d, %v", c.local, c.told, got, err)
		}
	}
}

func TestLiveMapKeepsTheOld(t *testing.T) {
	old, _ := readMap("1 10.0.0.1 2")
	live := NewLive(old)
	without, _ := readMap("2 10.0.0.2 1")
	elsewhere, _ := readMap("1 10.0.0.9 1")
	more, _ := readMap("1 10.0.0.1 9")
	for _, m := range []*Map{without, elsewhere} {
		if err := live.Replace(m, 1); err == nil || live.Map() != old {
			t.Errorf("map\n%swas taken: %v", m, err)
		}
	}
	if err := live.Replace(more, 1); err != nil || live.Map() != more {
		t.Errorf("a good map was refused: %v", err)
	}
	if old.Digest() == more.Digest() {
		t.Error("different maps have one digest")
	}
}

func TestMapPrintsWhatItReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		node := 1
		for i := range rapid.IntRange(1, 20).Draw(t, "lines") {
			span := rapid.IntRange(1, 255).Draw(t, "span")
			from := rapid.IntRange(0, 256-span).Draw(t, "from")
			port := rapid.SampledFrom([]string{"", ":4660", ":77"}).Draw(t, "port")
			fmt.Fprintf(&text, "%d 10.1.%d.%d%s %d\n", node, i, from, port, span)
			node += span
		}
		m, err := readMap(text.String())
		if err != nil {
			t.Fatal(err)
		}
		again, err := readMap(m.String())
		if err != nil || again.Digest() != m.Digest() || again.String() != text.String() || len(m.Nodes()) != node-1 {
			t.Fatalf("came back as\n%s%v", again, err)
		}
		for _, n := range m.Nodes() {
			at, _ := m.Address(n)
			if back, ok := m.Node(at); !ok || back != n {
				t.Fatalf("node %d at %s is found as %d", n, at, back)
			}
		}
	})
}

func TestMapFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mosix.map")
	if _, err := LoadMap(t.Context(), path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing map: %v", err)
	}
	os.WriteFile(path, []byte("1 10.0.0.1 x\n"), 0o600)
	if _, err := LoadMap(t.Context(), path); err == nil || !strings.HasPrefix(err.Error(), path+":1: ") {
		t.Errorf("bad map: %v", err)
	}
	mospe := filepath.Join(t.TempDir(), MospeName)
	for text, want := range map[string]wire.NodeID{"": 0, "7\n": 7, "x": 0, "0": 0} {
		os.WriteFile(mospe, []byte(text), 0o600)
		if n, err := LoadMospe(mospe); n != want || (err == nil) != (want != 0) {
			t.Errorf("mospe %q: %d, %v", text, n, err)
		}
	}
	if n, err := LoadMospe(mospe + ".none"); n != 0 || err != nil {
		t.Errorf("no mospe: %d, %v", n, err)
	}
}
