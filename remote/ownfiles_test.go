package remote

import (
	"bytes"
	"math/rand"
	"testing"

	"umosix/tracer/abi"
)

// TestViewChanges stores at random places, and finds at home what is there.
func TestViewChanges(t *testing.T) {
	const size, from = 3 * abi.PageSize, 5 * abi.PageSize
	random := rand.New(rand.NewSource(1))
	v := &view{from: from, bytes: make([]byte, size), home: make([]byte, size)}
	home := make([]byte, size)
	for round := range 200 {
		for range random.Intn(20) {
			at := random.Intn(size)
			random.Read(v.bytes[at:min(at+random.Intn(30), size)])
		}
		if round == 100 {
			random.Read(v.bytes)
		}
		runs, data := v.changes()
		end := uint64(0)
		for _, r := range runs {
			if r.Offset < from || r.Offset < end || r.Offset%storeUnit != 0 || r.Len%storeUnit != 0 {
				t.Fatalf("round %d: %d bytes at %d, behind %d", round, r.Len, r.Offset, end)
			}
			copy(home[r.Offset-from:], data[:r.Len])
			data, end = data[r.Len:], r.Offset+uint64(r.Len)+1 // what touches is one run
		}
		if len(data) > 0 || !bytes.Equal(home, v.bytes) {
			t.Fatalf("round %d: home differs", round)
		}
		if runs, _ := v.changes(); len(runs) > 0 {
			t.Fatalf("round %d: changes are told twice", round)
		}
	}
}
