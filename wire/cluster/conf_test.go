package cluster

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"umosix/wire"
)

func nodes(t *testing.T, text string) NodeSet {
	t.Helper()
	s, err := ParseNodes(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConfReads(t *testing.T) {
	text := `# mine
allow 1,4-7
allow 9   # and this one
deny	6	# tab
root-ok 1
guests 1000,2000-2999
cage full
grace 1m30s
balance no
dfsa /home#1
dfsa /opt/
mfs yes /mfs dir
speed 12000
memory-reserve 512
web 127.0.0.1:8080
metrics [::1]:9100
cache /var/tmp/c
`
	conf := DefaultConf()
	if err := conf.Read("c", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	want := Conf{
		Allow: nodes(t, "1,4-7,9"), Deny: nodes(t, "6"), RootOK: nodes(t, "1"),
		Guests: Guests{Uids: Ranges{{1000, 1000}, {2000, 2999}}}, CageFull: true, Grace: 90 * time.Second,
		DFSA: []string{"/home#1", "/opt"}, MFS: true, MFSDir: "/mfs dir", Speed: 12000, MemoryReserve: 512 << 20,
		Web: "127.0.0.1:8080", Metrics: "[::1]:9100", Cache: "/var/tmp/c",
	}
	if !reflect.DeepEqual(conf, want) {
		t.Errorf("read\n%+v, want\n%+v", conf, want)
	}
}

func TestConfRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"x 1", "c:1: unknown key \"x\""},
		{"\n\nallow", "c:3: allow has no value"},
		{"allow 0", "c:1: allow: bad list of nodes"},
		{"allow 7-4", "a range counts up"},
		{"allow 1,,2", "neither a number nor a range"},
		{"balance yes\nbalance yes", "c:2: balance stands in line 1 already"},
		{"balance maybe", "neither yes nor no"},
		{"guests root", "yes, no or a list of uids"},
		{"guests 4294967295", "not within"},
		{"cage none", "neither full nor any"},
		{"grace 30", "bad duration"},
		{"grace -1s", "bad duration"},
		{"dfsa home", "no absolute path"},
		{"mfs yes", "needs the directory"},
		{"mfs yes x", "no absolute path"},
		{"speed 0", "bad speed"},
		{"memory-reserve 1G", "bad size"},
		{"web 8080", "bad address"},
		{"web localhost:http", "bad port"},
		{strings.Repeat("\n", maxConfSize+1), "larger than"},
	} {
		conf := DefaultConf()
		err := conf.Read("c", strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q gives %v, want %s", c.text, err, c.want)
		}
		if !reflect.DeepEqual(conf, DefaultConf()) {
			t.Errorf("%.40q left %+v", c.text, conf)
		}
	}
}

func TestConfOfUserGoesLast(t *testing.T) {
	e := testEnv(t, 1000, "XDG_CONFIG_HOME="+t.TempDir())
	if conf, err := e.LoadConf(); err != nil || !reflect.DeepEqual(conf, DefaultConf()) {
		t.Errorf("no file: %+v, %v", conf, err)
	}
	for i, text := range []string{"allow 1-9\ngrace 5s\n", "allow 3\n"} {
		dir := e.ConfigDirs()[i]
		os.MkdirAll(dir, 0o700)
		os.WriteFile(filepath.Join(dir, ConfName), []byte(text), 0o600)
	}
	conf, err := e.LoadConf()
	if err != nil || conf.Allow.String() != "3" || conf.Grace != 5*time.Second {
		t.Errorf("%+v, %v", conf, err)
	}
	os.WriteFile(filepath.Join(e.ConfigDirs()[1], ConfName), []byte("\nx y\n"), 0o600)
	if _, err := e.LoadConf(); err == nil || !strings.Contains(err.Error(), "mosix.conf:2: unknown key") {
		t.Errorf("bad file: %v", err)
	}
}

func TestPolicies(t *testing.T) {
	conf := Conf{Allow: nodes(t, "1-5"), Deny: nodes(t, "2"), RootOK: nodes(t, "2-3")}
	for node, want := range map[wire.NodeID][2]bool{1: {true, false}, 2: {false, false}, 3: {true, true}, 6: {false, false}} {
		if (conf.Permits(node, false) == nil) != want[0] || (conf.Permits(node, true) == nil) != want[1] {
			t.Errorf("node %d: %v, %v", node, conf.Permits(node, false), conf.Permits(node, true))
		}
	}
	if DefaultConf().Permits(77, false) != nil || DefaultConf().Permits(77, true) == nil {
		t.Error("defaults")
	}
	some := Guests{Uids: Ranges{{1000, 1000}}}
	for _, c := range []struct {
		g    Guests
		uid  int
		want bool
	}{{Guests{}, 5, true}, {Guests{None: true}, 5, false}, {some, 1000, true}, {some, 1001, false}, {Guests{}, -1, false}, {Guests{}, 1 << 40, false}} {
		if c.g.Admits(c.uid) != c.want {
			t.Errorf("%+v admits %d: %v", c.g, c.uid, !c.want)
		}
	}
}

func TestNodeSets(t *testing.T) {
	for text, want := range map[string]string{"1": "1", "4-7,1": "1,4-7", "1,2,3": "1-3", "5-9,1-6,20": "1-9,20", "65535": "65535"} {
		if got := nodes(t, text).String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "0", "65536", "1-", "-1", "1 2", "a", "1,", "99999999999"} {
		if s, err := ParseNodes(text); err == nil {
			t.Errorf("%q was taken as %s", text, s)
		}
	}
}

func TestNodeSetIsTheUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := map[wire.NodeID]bool{}
		var words []string
		for range rapid.IntRange(1, 10).Draw(t, "words") {
			from := rapid.IntRange(1, 60).Draw(t, "from")
			to := from + rapid.IntRange(0, 9).Draw(t, "more")
			words = append(words, Ranges{{uint32(from), uint32(to)}}.String())
			for n := from; n <= to; n++ {
				members[wire.NodeID(n)] = true
			}
		}
		set, err := ParseNodes(strings.Join(words, ","))
		if err != nil || len(set.Nodes()) != len(members) {
			t.Fatalf("%v of %v, %v", set, words, err)
		}
		for n := wire.NodeID(1); n < 80; n++ {
			if set.Contains(n) != members[n] {
				t.Fatalf("%v contains %d: %v", set, n, !members[n])
			}
		}
		if again, err := ParseNodes(set.String()); err != nil || !reflect.DeepEqual(again, set) {
			t.Fatalf("%v came back as %v, %v", set, again, err)
		}
	})
}
