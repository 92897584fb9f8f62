package gossip

import (
	"math"
	"slices"
	"time"

	"umosix/wire"
)

const (
	// upAge is the age at which a silent node of a small cluster counts as down.
	upAge = 5 * time.Second
	// shareAge is the age at which an entry is no longer passed on, and the
	// longest that a silent node counts as up in a large cluster.
	shareAge = 30 * time.Second
	// maxEpoch bounds what is believed; epochs are milliseconds since 1970.
	maxEpoch = 1 << 60
)

// table holds the newest entry of each other node, and the own one. It knows
// neither clock nor transport.
type table struct {
	own  Entry
	rest map[wire.NodeID]record
}

// record is an entry and when it came; its age then is Entry.Age.
type record struct {
	Entry
	came time.Time
}

func (r record) age(now time.Time) time.Duration { return r.Age + max(0, now.Sub(r.came)) }

func newTable(self wire.NodeID, epoch uint64) *table {
	return &table{own: Entry{Node: self, Epoch: epoch}, rest: make(map[wire.NodeID]record)}
}

// tell takes a new report about this node itself, made such that others believe
// it.
func (t *table) tell(l Local) {
	l.MemFree = min(l.MemFree, l.MemTotal)
	l.Utilisation = min(l.Utilisation, 1000)
	t.own.Local = l
	t.own.Version++
}

// merge takes an entry that a peer passed on. An entry about this node that is
// newer than its own is left over from an earlier run, under a clock that has
// since been set back: this run then goes above it.
func (t *table) merge(e Entry, now time.Time) (changed bool) {
	if e.Node == t.own.Node {
		if e.newer(t.own) && e.Epoch+1 < maxEpoch {
			t.own.Epoch, t.own.Version = e.Epoch+1, 0
			return true
		}
		return false
	}
	if have, ok := t.rest[e.Node]; ok && !e.newer(have.Entry) {
		return false
	}
	t.rest[e.Node] = record{e, now}
	return true
}

// keep forgets all nodes but those that known says are in the map.
func (t *table) keep(known func(wire.NodeID) bool) {
	for node := range t.rest {
		if !known(node) {
			delete(t.rest, node)
		}
	}
}

// freshest are at most n entries to pass on: the own one, then the youngest
// others.
func (t *table) freshest(n int, now time.Time) []Entry {
	out := []Entry{t.own}
	var young []Entry // by age, at most n-1
	for _, r := range t.rest {
		e := r.Entry
		e.Age = r.age(now)
		if e.Age > shareAge || len(young) == n-1 && (n == 1 || e.Age >= young[n-2].Age) {
			continue
		}
		at, _ := slices.BinarySearchFunc(young, e.Age, func(a Entry, age time.Duration) int { return int(a.Age - age) })
		young = slices.Insert(young, at, e)
		young = young[:min(len(young), n-1)]
	}
	return append(out, young...)
}

// limit is the age from which on a node counts as down. In a cluster that is too
// large for everybody's entry to fit into each datagram, entries are older when
// they arrive: about n/(w*f) * ln n periods for the last of n, with w entries to
// f nodes a period; four times as much is hardly ever passed. Above some 120
// nodes that is more than shareAge, and a node that counts as down may only not
// have been heard of.
func (t *table) limit(now time.Time, period time.Duration) time.Duration {
	n := 1.0
	for _, r := range t.rest {
		if r.age(now) < shareAge {
			n++
		}
	}
	slow := 4 * n * math.Log(n) / float64(MaxEntries*fanOut) * float64(period)
	return min(max(upAge, 5*period, time.Duration(slow)), max(shareAge, 5*period))
}

// up says whether a record of that age counts as a live node.
func (r record) up(now time.Time, limit time.Duration) bool {
	return !r.Flags.Has(Leaving) && r.age(now) < limit
}

// member is the view of one node of the map.
func (t *table) member(node wire.NodeID, now time.Time, limit time.Duration) Member {
	if node == t.own.Node {
		return Member{Entry: t.own, Heard: true, Up: !t.own.Flags.Has(Leaving)}
	}
	r, ok := t.rest[node]
	if !ok {
		return Member{Entry: Entry{Node: node}}
	}
	m := Member{Entry: r.Entry, Heard: true, Up: r.up(now, limit)}
	m.Age = r.age(now)
	return m
}
