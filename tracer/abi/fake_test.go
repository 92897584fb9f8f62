package abi

import (
	"encoding/binary"
	"errors"
	"sort"
	"testing"
)

var errFault = errors.New("bad address")

// segment is a mapping of a fake process.
type segment struct {
	at       Addr
	data     []byte
	readOnly bool
}

// fake is the memory of a process that does not exist.
type fake struct{ segments []segment }

// put maps data at an address and is that address.
func (f *fake) put(at Addr, data []byte) uint64 {
	f.segments = append(f.segments, segment{at: at, data: data})
	sort.Slice(f.segments, func(i, j int) bool { return f.segments[i].at < f.segments[j].at })
	return uint64(at)
}

// words maps 64-bit words.
func (f *fake) words(at Addr, words ...uint64) uint64 {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return f.put(at, b)
}

func (f *fake) ReadAt(p []byte, at Addr) (int, error) {
	n := 0
	for _, s := range f.segments {
		if next := at + Addr(n); next >= s.at && next < s.at+Addr(len(s.data)) && n < len(p) {
			n += copy(p[n:], s.data[next-s.at:])
		}
	}
	if n < len(p) {
		return n, errFault
	}
	return n, nil
}

func (f *fake) Accessible(at Addr, n uint64, write bool) uint64 {
	got := uint64(0)
	for _, s := range f.segments {
		next := at + Addr(got)
		if next >= s.at && next < s.at+Addr(len(s.data)) && !(write && s.readOnly) {
			got += uint64(s.at + Addr(len(s.data)) - next)
		}
	}
	return min(got, n)
}

// everywhere is memory that has every address and holds zeros.
type everywhere struct{}

func (everywhere) ReadAt(p []byte, at Addr) (int, error) { clear(p); return len(p), nil }

func (everywhere) Accessible(at Addr, n uint64, write bool) uint64 { return n }

// want is what a test expects of a region.
type want struct {
	addr       Addr
	len, avail uint64
	dir        Dir
	in         int // region of the pointer, -1: argument
	off        uint32
	out        OutKind
}

// checkRegions compares the regions of a call.
func checkRegions(t *testing.T, c *Call, wants []want) {
	t.Helper()
	if len(c.Regions) != len(wants) {
		t.Fatalf("%d regions, not %d: %+v", len(c.Regions), len(wants), c.Regions)
	}
	for i, w := range wants {
		r := c.Regions[i]
		got := want{r.Addr, r.Len, r.Avail, r.Dir, r.At.Region, r.At.Offset, r.Out.Kind}
		if got != w {
			t.Errorf("region %d is %+v, not %+v", i, got, w)
		}
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}
