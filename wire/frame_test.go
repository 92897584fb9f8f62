package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"umosix/tracer/abi"
)

// fresh is a new zero message of a type, as a pointer; nil if it has none.
func fresh(t Type) any {
	if rows[t].body == nil {
		return nil
	}
	return reflect.New(rows[t].body).Interface()
}

// What one side encodes the other decodes.
func TestRoundTrip(t *testing.T) {
	for _, s := range samples() {
		h, body, payload, err := ParseFrame(s.frame(t))
		if err != nil || h != s.h || !bytes.Equal(payload, s.payload) {
			t.Fatalf("%s came as %v with %q, %v", s.h, h, payload, err)
		}
		got := fresh(h.Type)
		if err := Decode(h, body, got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, s.body) {
			t.Errorf("%s came as %+v, want %+v", h.Type, got, s.body)
		}
	}
}

// Values do as well as pointers.
func TestValuesEncodeToo(t *testing.T) {
	for _, s := range samples() {
		if s.body == nil {
			continue
		}
		b, err := AppendFrame(nil, s.h, reflect.ValueOf(s.body).Elem().Interface(), len(s.payload))
		if err != nil || !bytes.Equal(append(b, s.payload...), s.frame(t)) {
			t.Errorf("%s by value: %v", s.h.Type, err)
		}
	}
}

// A frame that lost its end or has more than it says is refused.
func TestCutFrames(t *testing.T) {
	for _, s := range samples() {
		whole := s.frame(t)
		for n := range whole {
			if _, _, _, err := ParseFrame(whole[:n]); !errors.Is(err, ErrFrame) {
				t.Fatalf("%s cut to %d bytes: %v", s.h.Type, n, err)
			}
		}
		if _, _, _, err := ParseFrame(append(whole, 0)); !errors.Is(err, ErrFrame) {
			t.Fatalf("%s with a byte more: %v", s.h.Type, err)
		}
	}
}

// A body that lost its end or has something behind it is refused.
func TestCutBodies(t *testing.T) {
	for _, s := range samples() {
		_, body, _, _ := ParseFrame(s.frame(t))
		for n := range body {
			if err := Decode(s.h, body[:n], fresh(s.h.Type)); !errors.Is(err, ErrFrame) {
				t.Fatalf("%s cut to %d bytes: %v", s.h.Type, n, err)
			}
		}
		if err := Decode(s.h, append(bytes.Clone(body), 0), fresh(s.h.Type)); !errors.Is(err, ErrFrame) {
			t.Fatalf("%s with a byte more: %v", s.h.Type, err)
		}
	}
}

// Headers that break the limits.
func TestBadHeaders(t *testing.T) {
	good := samples()[0].frame(t)
	for name, spoil := range map[string]func(b []byte){
		"unknown type":    func(b []byte) { b[4] = 255 },
		"reserved bytes":  func(b []byte) { b[6] = 1 },
		"negative pid":    func(b []byte) { b[32] = 0x80 },
		"negative task":   func(b []byte) { b[36] = 0xff },
		"body too long":   func(b []byte) { binary.BigEndian.PutUint32(b[8:], uint32(len(b))) },
		"payload unasked": func(b []byte) { b[11]-- },
		"too short":       func(b []byte) { binary.BigEndian.PutUint32(b, HeaderLen-1) },
		"too long":        func(b []byte) { binary.BigEndian.PutUint32(b, MaxFrame+1) },
	} {
		b := bytes.Clone(good)
		spoil(b)
		if _, _, _, err := ParseFrame(b); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The sender refuses what the receiver would.
func TestSenderChecks(t *testing.T) {
	long := strings.Repeat("x", maxSmallBody)
	for name, c := range map[string]struct {
		h       Header
		body    any
		payload int
	}{
		"unknown type":     {Header{Type: 200}, nil, 0},
		"wrong body":       {Header{Type: TypeBye}, &Reply{}, 0},
		"missing body":     {Header{Type: TypeBye}, nil, 0},
		"unwanted body":    {Header{Type: TypePing}, &Reason{}, 0},
		"unwanted payload": {Header{Type: TypePing}, nil, 1},
		"negative pid":     {Header{Type: TypePing, Pid: -1}, nil, 0},
		"negative payload": {Header{Type: TypeReply}, &Reply{}, -1},
		"huge payload":     {Header{Type: TypeReply}, &Reply{}, MaxFrame},
		"body too long":    {Header{Type: TypeBye}, &Reason{Text: long}, 0},
		"too many regions": {Header{Type: TypeReply}, &Reply{Outs: make([]uint32, abi.MaxRegions+1)}, 0},
		"too many outs":    {Header{Type: TypeCall}, &Call{Call: abi.Call{Regions: make([]abi.Region, abi.MaxRegions+1)}}, 0},
	} {
		b, err := AppendFrame([]byte("kept"), c.h, c.body, c.payload)
		if err == nil || string(b) != "kept" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// The encoders by hand write what the library would, field for field, so that a
// field added to a struct and forgotten here fails.
func TestHandWrittenEncoders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		call, reply := drawCall(t), drawReply(t)
		for _, m := range []any{call, reply} {
			want := byLibrary(t, m)
			typ := TypeCall
			if m == any(reply) {
				typ = TypeReply
			}
			got, err := appendBody(nil, typ, m)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%+v\nby hand    %x, %v\nby library %x", m, got, err, want)
			}
			back := fresh(typ)
			if err := Decode(Header{Type: typ}, got, back); err != nil || !reflect.DeepEqual(back, m) {
				t.Fatalf("%+v came back as %+v, %v", m, back, err)
			}
		}
	})
}

// drawCall makes a call in which every field of every struct is drawn, those that
// somebody adds tomorrow too, and that passes abi's checks.
func drawCall(t *rapid.T) *Call {
	c := rapid.Make[Call]().Draw(t, "call")
	c.Call.Args[0] = rapid.Uint64().Draw(t, "arg")
	if len(c.Call.Regions) == 0 {
		c.Call.Regions = make([]abi.Region, 1)
	}
	for i := range c.Call.Regions {
		r := &c.Call.Regions[i]
		r.Dir = abi.Dir(rapid.IntRange(1, 3).Draw(t, "dir"))
		r.Avail %= 1000
		r.Len = r.Avail + r.Len%1000
		r.At.Region = rapid.IntRange(-1, i-1).Draw(t, "at")
		r.At.Offset %= 6
		r.Out.Kind %= abi.OutVectorAt + 1
		r.Out.LenAt = rapid.IntRange(-1, len(c.Call.Regions)-1).Draw(t, "lenAt")
	}
	return &c
}

func drawReply(t *rapid.T) *Reply {
	outs := rapid.SliceOfN(rapid.Uint32(), 1, 40).Draw(t, "outs")
	return &Reply{Ret: rapid.Int64().Draw(t, "ret"), Outs: outs}
}

func byLibrary(t *rapid.T, m any) []byte {
	var b bytes.Buffer
	enc := msgpack.NewEncoder(&b)
	enc.UseArrayEncodedStructs(true)
	enc.UseCompactInts(true)
	if err := enc.Encode(m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Few bytes that claim much cost little.
func TestHostileCounts(t *testing.T) {
	manyNils := append([]byte{0x98, 1, 0xc0, 0xdd, 0, 0x0f, 0xff, 0xff}, bytes.Repeat([]byte{0xc0}, 1<<20)...)
	for name, c := range map[string]struct {
		typ  Type
		body []byte
	}{
		"a billion tasks":        {TypeImage, []byte{0x98, 1, 0xc0, 0xdd, 0xff, 0xff, 0xff, 0xff}},
		"a million empty tasks":  {TypeImage, manyNils},
		"a string of 4 GiB":      {TypeBye, []byte{0x91, 0xdb, 0xff, 0xff, 0xff, 0xff}},
		"a map for a struct":     {TypeBye, []byte{0x81, 0xa4, 'T', 'e', 'x', 't', 0xa0}},
		"nil for a struct":       {TypeBye, []byte{0xc0}},
		"a number that overflow": {TypeHello, []byte{0x97, 0xcf, 1, 0, 0, 0, 0, 0, 0, 0}},
		"a billion regions":      {TypeCall, []byte{0x93, 0x93, 0, 0x96, 0, 0, 0, 0, 0, 0, 0xdd, 0xff, 0xff, 0xff, 0xff}},
		"a billion outs":         {TypeReply, []byte{0x92, 0, 0xdd, 0xff, 0xff, 0xff, 0xff}},
	} {
		cost := allocated(func() {
			if err := Decode(Header{Type: c.typ}, c.body, fresh(c.typ)); !errors.Is(err, ErrFrame) {
				t.Errorf("%s: %v", name, err)
			}
		})
		if limit := uint64(budgetBase + budgetPerByte*len(c.body)); cost > limit {
			t.Errorf("%s: %d bytes allocated for %d", name, cost, len(c.body))
		}
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A payload must be what the message says of it.
func TestCheckPayload(t *testing.T) {
	c := &Call{Call: abi.Call{Regions: []abi.Region{{Avail: 3, Dir: abi.In}, {Avail: 9, Dir: abi.Out}, {Avail: 2, Dir: abi.InOut}}}}
	r := &Reply{Outs: []uint32{0, 4, 1}}
	huge := &Call{Call: abi.Call{Regions: []abi.Region{{Avail: 1<<64 - 1, Dir: abi.In}, {Avail: 6, Dir: abi.In}}}}
	for n := range 8 {
		p := make([]byte, n)
		if err := c.CheckPayload(p); (err == nil) != (n == 5) {
			t.Errorf("call with %d bytes: %v", n, err)
		}
		if err := r.CheckPayload(p); (err == nil) != (n == 5) {
			t.Errorf("reply with %d bytes: %v", n, err)
		}
		if huge.CheckPayload(p) == nil {
			t.Errorf("lengths that wrap around passed with %d bytes", n)
		}
	}
}
