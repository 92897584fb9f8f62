package wire

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzParseFrame: nothing that a peer sends makes the parser panic, its errors
// are ErrFrame, and what it takes is the only encoding of its header.
func FuzzParseFrame(f *testing.F) {
	for _, s := range samples() {
		f.Add(s.frame(f))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, body, payload, err := ParseFrame(b)
		if err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Fatal(err)
			}
			return
		}
		if len(body)+len(payload)+HeaderLen != len(b) {
			t.Fatalf("%d bytes of body and %d of payload in %d", len(body), len(payload), len(b))
		}
		if again := appendHeader(nil, h); !bytes.Equal(again[12:], b[12:HeaderLen]) {
			t.Fatalf("%v encodes as %x, came as %x", h, again, b[:HeaderLen])
		}
	})
}

// FuzzDecode: no body makes a decoder panic; what it takes it can encode again
// and then reads the same.
func FuzzDecode(f *testing.F) {
	for _, s := range samples() {
		_, body, _, err := ParseFrame(s.frame(f))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(s.h.Type), body)
	}
	f.Fuzz(func(t *testing.T, typ byte, body []byte) {
		h := Header{Type: Type(typ)}
		if !h.Type.Known() || len(body) > rows[typ].maxBody {
			return
		}
		m := fresh(h.Type)
		if err := Decode(h, body, m); err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Fatal(err)
			}
			return
		}
		_ = Print(h, m)
		first, err := appendBody(nil, h.Type, m)
		if err != nil {
			t.Fatalf("%s was taken and cannot be encoded: %v", Print(h, m), err)
		}
		again := fresh(h.Type)
		if err := Decode(h, first, again); err != nil {
			t.Fatalf("%s cannot be decoded again: %v", Print(h, m), err)
		}
		if second, err := appendBody(nil, h.Type, again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s encodes as %x, then as %x (%v)", Print(h, m), first, second, err)
		}
	})
}
