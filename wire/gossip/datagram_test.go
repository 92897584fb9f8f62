package gossip

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"umosix/wire"
	"umosix/wire/cluster"
)

var keyA, keyB = cluster.GossipKey{ID: 1, Key: [32]byte{1}}, cluster.GossipKey{ID: 2, Key: [32]byte{2}}

func ring(t testing.TB, keys ...cluster.GossipKey) keyring {
	r, err := newKeyring(keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fullMessage() message {
	m := message{Session: 5, Echo: 6, Seq: 7, Digest: 8, Want: true, Accepts: []uint32{1, 2}}
	for n := range MaxEntries {
		m.Entries = append(m.Entries, Entry{Node: wire.NodeID(n + 1), Epoch: maxEpoch - 1, Version: 1<<32 - 1, Age: maxAge})
	}
	return m
}

func TestMessageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := message{
			Session: rapid.Uint64Min(1).Draw(t, "session"), Echo: rapid.Uint64().Draw(t, "echo"), Seq: rapid.Uint64Min(1).Draw(t, "seq"),
			Digest: rapid.Uint64().Draw(t, "digest"), Want: rapid.Bool().Draw(t, "want"),
		}
		if n := rapid.IntRange(0, maxKeys).Draw(t, "keys"); n > 0 {
			m.Accepts = rapid.SliceOfN(rapid.Uint32(), n, n).Draw(t, "accepts")
		}
		if n := rapid.IntRange(0, MaxEntries).Draw(t, "entries"); n > 0 {
			m.Entries = rapid.SliceOfN(rapid.Custom(drawEntry), n, n).Draw(t, "entry")
		}
		got, err := decodeMessage(m.encode())
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("%+v came back as %+v, %v", m, got, err)
		}
	})
}

func TestLargestDatagramFits(t *testing.T) {
	data := ring(t, keyA)[0].seal(1, 2, fullMessage())
	if len(data) > MaxDatagram || len(data)+entrySize <= MaxDatagram || MaxEntries < 12 {
		t.Errorf("%d entries make %d bytes", MaxEntries, len(data))
	}
}

// Every bit of a datagram is protected, and every shorter one is refused.
func TestTamperedDatagrams(t *testing.T) {
	keys := ring(t, keyA)
	data := keys[0].seal(1, 2, message{Session: 5, Seq: 1, Entries: []Entry{{Node: 1}}})
	open := func(b []byte) error {
		h, err := parseHeader(b)
		if err == nil {
			_, err = keys.open(h, b)
		}
		return err
	}
	if err := open(data); err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if open(bad) == nil {
			t.Errorf("byte %d changed and nobody noticed", i)
		}
		if open(data[:i]) == nil {
			t.Errorf("cut to %d bytes and nobody noticed", i)
		}
	}
	if open(append(bytes.Clone(data), 0)) == nil || open(make([]byte, MaxDatagram+1)) == nil {
		t.Error("too long and nobody noticed")
	}
}

func TestBadBodies(t *testing.T) {
	good := message{Session: 1, Seq: 1, Entries: []Entry{{Node: 1, Local: Local{MemTotal: 1 << 20}}}}.encode()
	if _, err := decodeMessage(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b []byte){
		"no session":  func(b []byte) { b[7] = 0 },
		"no sequence": func(b []byte) { b[23] = 0 },
		"bad want":    func(b []byte) { b[32] = 2 },
		"keys":        func(b []byte) { b[33] = 3 },
		"entries":     func(b []byte) { b[34] = 2 },
		"no node":     func(b []byte) { b[bodySize+1] = 0 },
		"epoch":       func(b []byte) { b[bodySize+2] = 0x10 },
		"age":         func(b []byte) { b[bodySize+14] = 0xff },
		"free memory": func(b []byte) { b[bodySize+37] = 2 },
		"utilisation": func(b []byte) { b[bodySize+38] = 0xff },
	} {
		bad := bytes.Clone(good)
		change(bad)
		if m, err := decodeMessage(bad); !errors.Is(err, errMessage) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestKeysInCommon(t *testing.T) {
	for _, c := range []struct {
		own     keyring
		accepts []uint32
		want    []uint32
	}{
		{ring(t, keyA), nil, []uint32{1}},
		{ring(t, keyA, keyB), nil, []uint32{1, 2}},
		{ring(t, keyA, keyB), []uint32{2}, []uint32{2}},
		{ring(t, keyA, keyB), []uint32{2, 1}, []uint32{1}},
		{ring(t, keyA), []uint32{9}, []uint32{1}},
	} {
		if got := c.own.common(c.accepts).ids(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v with %v: %v, want %v", c.own.ids(), c.accepts, got, c.want)
		}
	}
	if _, err := newKeyring(nil); err == nil {
		t.Error("no keys are enough")
	}
}

// The window believes each number at most once, and forgets only in favour of
// greater ones.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w window
		seen := map[uint64]bool{}
		greatest := uint64(0)
		for _, n := range rapid.SliceOfN(rapid.Uint64Range(1, 200), 1, 300).Draw(t, "numbers") {
			want := !seen[n] && n+64 > greatest
			if got := w.take(n); got != want {
				t.Fatalf("%d after %d: %v", n, greatest, got)
			}
			seen[n] = true
			greatest = max(greatest, n)
		}
	})
}

func TestJudge(t *testing.T) {
	const own = 100
	var p peer
	for i, c := range []struct {
		m     message
		after time.Duration
		want  verdict
	}{
		{message{Session: 1, Seq: 1}, 0, greeting},
		{message{Session: 1, Seq: 2}, time.Millisecond, ignored},
		{message{Session: 1, Seq: 3, Echo: own}, 2 * time.Millisecond, believed},
		{message{Session: 1, Seq: 3, Echo: own}, 3 * time.Millisecond, replayed},
		{message{Session: 1, Seq: 2, Echo: own}, 4 * time.Millisecond, believed},
		{message{Session: 2, Seq: 1, Echo: own}, 5 * time.Millisecond, believed}, // started again
		{message{Session: 1, Seq: 9, Echo: own}, 6 * time.Millisecond, replayed}, // its earlier run
		{message{Session: 2, Seq: 2, Echo: 99}, time.Second, greeting},           // knows our earlier run
		{message{Session: 2, Seq: 2, Echo: own}, time.Second, believed},
	} {
		if got := p.judge(c.m, own, epoch.Add(c.after)); got != c.want {
			t.Errorf("%d: %+v is %d, want %d", i, c.m, got, c.want)
		}
	}
}

func FuzzDatagram(f *testing.F) {
	keys := ring(f, keyA)
	f.Add(keys[0].seal(1, 2, message{Session: 5, Seq: 1, Entries: []Entry{{Node: 1}}}))
	f.Add(keys[0].seal(1, 2, fullMessage()))
	f.Add([]byte(magic))
	f.Add(make([]byte, MaxDatagram+1))
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := parseHeader(data); err == nil {
			keys.open(h, data)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add(fullMessage().encode())
	f.Add(message{Session: 1, Seq: 1}.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeMessage(data)
		if err != nil {
			return
		}
		if len(data) > MaxDatagram-overhead {
			t.Fatalf("%d bytes were taken", len(data))
		}
		again, err := decodeMessage(m.encode())
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v came back as %+v, %v", m, again, err)
		}
		tab := newTable(1, 1)
		for _, e := range m.Entries {
			tab.merge(e, epoch)
		}
		if out := tab.freshest(MaxEntries, epoch); len(out) > MaxEntries || !out[0].valid() {
			t.Fatalf("passes on %+v", out)
		}
	})
}
