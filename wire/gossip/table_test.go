package gossip

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"umosix/wire"
)

var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func drawEntry(t *rapid.T) Entry {
	total := rapid.Uint64Range(0, 1<<32-1).Draw(t, "total")
	return Entry{
		Node:    wire.NodeID(rapid.Uint16Range(1, 9).Draw(t, "node")),
		Epoch:   rapid.Uint64Range(0, 3).Draw(t, "epoch"),
		Version: rapid.Uint32Range(0, 5).Draw(t, "version"),
		Age:     time.Duration(rapid.IntRange(0, 40_000).Draw(t, "age")) * time.Millisecond,
		Local: Local{
			Flags: Flags(rapid.Uint16().Draw(t, "flags")), Load: rapid.Uint32().Draw(t, "load"), Speed: rapid.Uint32().Draw(t, "speed"),
			CPUs: rapid.Uint16().Draw(t, "cpus"), MemTotal: total << 20, MemFree: rapid.Uint64Range(0, total).Draw(t, "free") << 20,
			Utilisation: rapid.Uint16Range(0, 1000).Draw(t, "util"), Guests: rapid.Uint16().Draw(t, "guests"), Away: rapid.Uint16().Draw(t, "away"),
		},
	}
}

// In whatever order and how often entries come, the newest stays.
func TestMergeKeepsTheNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(drawEntry), 1, 40).Draw(t, "entries")
		tab := newTable(9, 2)
		want := map[wire.NodeID]Entry{}
		for _, e := range entries {
			tab.merge(e, epoch)
			if have, ok := want[e.Node]; !ok || e.newer(have) {
				want[e.Node] = e
			}
			if e.Node == 9 && e.newer(tab.own) {
				t.Fatalf("own entry %v is older than %v", tab.own, e)
			}
		}
		delete(want, 9)
		got := map[wire.NodeID]Entry{}
		for n, r := range tab.rest {
			got[n] = r.Entry
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("table %v, want %v", got, want)
		}
	})
}

func TestFreshest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab := newTable(1, 1)
		young := 0
		for n := range rapid.IntRange(0, 60).Draw(t, "nodes") {
			age := time.Duration(rapid.IntRange(0, 40).Draw(t, "age")) * time.Second
			tab.merge(Entry{Node: wire.NodeID(n + 2), Epoch: 1, Age: age}, epoch)
			if age+2*time.Second <= shareAge {
				young++
			}
		}
		n := rapid.IntRange(1, MaxEntries).Draw(t, "n")
		out := tab.freshest(n, epoch.Add(2*time.Second))
		if len(out) != min(n, young+1) || out[0].Node != 1 || out[0].Age != 0 {
			t.Fatalf("%d of %d young ones, first %v", len(out), young, out[0])
		}
		sent := map[wire.NodeID]bool{}
		oldest := time.Duration(0)
		for i, e := range out[1:] {
			if sent[e.Node] || e.Age < oldest || e.Age != tab.rest[e.Node].Age+2*time.Second {
				t.Fatalf("entry %d is %v", i, e)
			}
			sent[e.Node], oldest = true, e.Age
		}
		for node, r := range tab.rest {
			if age := r.age(epoch.Add(2 * time.Second)); !sent[node] && age < oldest {
				t.Fatalf("node %d of age %v was left out for one of %v", node, age, oldest)
			}
		}
	})
}

func TestUpAndDown(t *testing.T) {
	tab := newTable(1, 1)
	tab.merge(Entry{Node: 2, Epoch: 1, Age: time.Second}, epoch)
	tab.merge(Entry{Node: 3, Epoch: 1, Local: Local{Flags: Leaving}}, epoch)
	for _, c := range []struct {
		node  wire.NodeID
		after time.Duration
		up    bool
		age   time.Duration
	}{
		{1, time.Hour, true, 0}, {2, 0, true, time.Second}, {2, 3999 * time.Millisecond, true, 4999 * time.Millisecond},
		{2, 4 * time.Second, false, 5 * time.Second}, {3, 0, false, 0}, {4, 0, false, 0},
	} {
		now := epoch.Add(c.after)
		m := tab.member(c.node, now, tab.limit(now, time.Second))
		if m.Up != c.up || m.Age != c.age || m.Node != c.node || m.Heard != (c.node != 4) {
			t.Errorf("node %d after %v: %+v", c.node, c.after, m)
		}
	}
	for n := range 2000 {
		tab.merge(Entry{Node: wire.NodeID(n + 10), Epoch: 1}, epoch)
	}
	if got := tab.limit(epoch, time.Second); got != shareAge {
		t.Errorf("limit of a large cluster is %v", got)
	}
}

func TestChoose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var nodes []wire.NodeID
		for n := range rapid.IntRange(1, 40).Draw(t, "nodes") {
			nodes = append(nodes, wire.NodeID(n+1))
		}
		self := rapid.SampledFrom(nodes).Draw(t, "self")
		live := map[wire.NodeID]bool{}
		for _, n := range nodes {
			live[n] = n != self && rapid.Bool().Draw(t, "up")
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		picked := choose(nodes, self, func(n wire.NodeID) bool { return live[n] }, rng)
		seen := map[wire.NodeID]bool{self: true}
		up := 0
		for _, n := range picked {
			if seen[n] || n < 1 || int(n) > len(nodes) {
				t.Fatalf("%v of %d nodes, self %d", picked, len(nodes), self)
			}
			seen[n] = true
			if live[n] {
				up++
			}
		}
		want := fanOut + 1
		if len(nodes) <= everybody {
			want = len(nodes) - 1
		}
		alive := 0
		for _, l := range live {
			if l {
				alive++
			}
		}
		if len(picked) != want || up < min(alive, min(want, fanOut)) {
			t.Fatalf("%v, %d up of %d, want %d", picked, up, alive, want)
		}
	})
}

func TestFlagNames(t *testing.T) {
	if got := (Stay | Block | Leaving).String(); got != "stay,block,leaving" {
		t.Error(got)
	}
	if got := (Flags(1 << 15)).String(); got != "0x8000" {
		t.Error(got)
	}
}
