package abi

import (
	"encoding/binary"
	"testing"
)

// noise is memory whose every word follows from a seed: often a small number, or a
// pointer to more noise. Some pages are missing.
type noise struct {
	seed  uint64
	holes uint64
	reads int
}

func (m *noise) mix(at uint64) uint64 {
	x := (at ^ m.seed) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	return x ^ x>>32
}

func (m *noise) missing(page uint64) bool {
	return page == 0 || page >= uint64(TaskSize)/PageSize || m.mix(page)&m.holes == 1
}

func (m *noise) word(at uint64) uint64 {
	switch x := m.mix(at); x & 7 {
	case 0, 1, 2:
		return x >> 3 & 0xff
	case 3, 4, 5:
		return x >> 20 & uint64(TaskSize-1)
	case 6:
		return 0
	default:
		return x
	}
}

func (m *noise) ReadAt(p []byte, at Addr) (int, error) {
	m.reads++
	n := int(m.Accessible(at, uint64(len(p)), false))
	var word [8]byte
	for i := range n {
		a := uint64(at) + uint64(i)
		binary.LittleEndian.PutUint64(word[:], m.word(a&^7))
		p[i] = word[a&7]
	}
	if n < len(p) {
		return n, errFault
	}
	return n, nil
}

func (m *noise) Accessible(at Addr, n uint64, write bool) uint64 {
	for got := uint64(0); got < n; {
		if m.missing((uint64(at) + got) / PageSize) {
			return got
		}
		got = min(n, uint64((at+Addr(got)+1).PageUp()-at))
		if got > 128<<20 {
			return n
		}
	}
	return n
}

// FuzzPlan plans any call with any arguments in any memory: it must end, stay
// within its bounds, and be what a peer accepts.
func FuzzPlan(f *testing.F) {
	for _, r := range Rows() {
		f.Add(r.Nr, uint64(3), uint64(0x7f0000001000), uint64(16), uint64(0x7f0000002000), uint64(8), uint64(0x7f0000003000), r.Nr, uint64(7))
	}
	f.Add(uint64(20), uint64(3), uint64(0x7f0000000ff8), uint64(1024), uint64(0), uint64(0), uint64(0), uint64(1), uint64(3))
	f.Fuzz(func(t *testing.T, nr, a, b, c, d, e, g, seed, holes uint64) {
		checkPlan(t, nr, [6]uint64{a, b, c, d, e, g}, &noise{seed: seed, holes: holes&0xff | 1})
	})
}

func checkPlan(t *testing.T, nr uint64, args [6]uint64, m *noise) {
	call, row, refusal := Plan(nr, args, m)
	if m.reads > 20000 {
		t.Fatalf("%d reads", m.reads)
	}
	if refusal != "" {
		return
	}
	if row == nil || call.Args != args {
		t.Fatalf("row %v, arguments %x of %x", row, call.Args, args)
	}
	if err := call.Check(); err != nil {
		t.Fatal(err)
	}
	checkAnswer(t, &call, m)
}

// checkAnswer answers a call with noise.
func checkAnswer(t *testing.T, call *Call, m *noise) {
	data, addrs := make([][]byte, len(call.Regions)), make([]Addr, len(call.Regions))
	for i := range data {
		data[i] = make([]byte, min(call.Regions[i].Avail, 512))
		m.ReadAt(data[i], Addr(i*4096+4096))
	}
	call.Relocate(addrs, data)
	for _, ret := range []int64{0, 1, 100, 1 << 40, -4, -512, -1 << 62} {
		outs := call.Outs(ret, func(i int) []byte { return data[i] })
		if err := call.CheckOuts(outs); err != nil {
			t.Fatal(err)
		}
		for i, n := range outs {
			last := uint32(0)
			call.Spans(i, n, func(from, to uint32) {
				if from < last || to <= from || to > n {
					t.Fatalf("span %d-%d of %d after %d", from, to, n, last)
				}
				last = to
			})
		}
	}
}
