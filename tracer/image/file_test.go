package image

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"umosix/tracer/abi"
)

// file is an image with some batches, in the file format.
func file(t testing.TB) []byte {
	var out bytes.Buffer
	w, err := NewWriter(&out, sample())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		b := NewBatch(-1, []Run{{abi.Addr(0x500000 + i*abi.PageSize), 1}}, bytes.Repeat([]byte{byte(i)}, abi.PageSize), NewCompressor(0))
		if err := w.WriteBatch(&b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readFile reads everything and returns the number of batches.
func readFile(b []byte) (batches int, err error) {
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return batches, nil
		}
		if err == nil {
			_, err = b.Pages(nil)
		}
		if err != nil {
			return batches, err
		}
		batches++
	}
}

func TestFile(t *testing.T) {
	whole := file(t)
	if n, err := readFile(whole); n != 5 || err != nil {
		t.Fatalf("%d batches, %v", n, err)
	}
	for n := 0; n < len(whole); n += 1 + n/500 {
		if _, err := readFile(whole[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes pass", n, len(whole))
		}
	}
	if _, err := readFile(append(bytes.Clone(whole), 0)); err == nil {
		t.Fatal("a byte more passes")
	}
	for bit := 0; bit < 8*len(whole); bit += 1 + bit/800 { // the farther in, the sparser
		spoilt := bytes.Clone(whole)
		spoilt[bit/8] ^= 1 << (bit % 8)
		if _, err := readFile(spoilt); err == nil {
			t.Fatalf("flipped bit %d of byte %d passes", bit%8, bit/8)
		}
	}
}

func TestDescribe(t *testing.T) {
	var out strings.Builder
	if err := Describe(bytes.NewReader(file(t)), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`process 4711 "flac"`, "/usr/bin/flac", "[heap]", "5 sent", "5 pages in 5 batches", "SIGINT handled"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}
