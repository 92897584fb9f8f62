package image

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"umosix/tracer/abi"
)

// pagesOf draws pages that compress well, badly or not at all.
func pagesOf(t *rapid.T, n int) []byte {
	p := make([]byte, n*abi.PageSize)
	kind := rapid.IntRange(0, 2).Draw(t, "kind")
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	for i := range p {
		switch kind {
		case 1:
			p[i] = byte(i % 7)
		case 2:
			p[i] = byte(random.Uint32())
		}
	}
	return p
}

func TestBatchRoundTrip(t *testing.T) {
	links := []uint64{0, 1 << 20, 150 << 20, 10 << 30}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, BatchPages).Draw(t, "pages")
		pages := pagesOf(t, n)
		c := NewCompressor(rapid.SampledFrom(links).Draw(t, "link"))
		if rapid.Bool().Draw(t, "raw") {
			c = nil
		}
		b := NewBatch(-1, []Run{{0x1000, uint32(n)}}, pages, c)
		raw, err := b.EncodeHeader()
		if err != nil {
			t.Fatal(err)
		}
		back := Batch{Data: b.Data}
		if err := back.DecodeHeader(raw); err != nil || !reflect.DeepEqual(back, b) {
			t.Fatalf("%v: %+v, %+v", err, back, b)
		}
		got, err := back.Pages(nil)
		if err != nil || !bytes.Equal(got, pages) {
			t.Fatalf("%s: %v", b.Codec, err)
		}
		spoilt := back
		spoilt.Data = bytes.Clone(b.Data)
		spoilt.Data[rapid.IntRange(0, len(b.Data)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if got, err := spoilt.Pages(nil); err == nil && !bytes.Equal(got, pages) {
			t.Fatal("a flipped bit is not seen")
		}
	})
}

func TestBatchRefusesBombs(t *testing.T) {
	for _, codec := range []Codec{S2, Zstd} {
		c := NewCompressor(0)
		if codec == Zstd {
			c = NewCompressor(1)
		}
		_, bomb := c.Compress(nil, make([]byte, 64<<20))
		b := Batch{File: -1, Runs: []Run{{0x1000, 1}}, Codec: codec, Data: bomb}
		if _, err := b.Pages(nil); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", codec, err)
		}
		got := testing.AllocsPerRun(1, func() { b.Pages(nil) })
		if got > 100 {
			t.Errorf("%s: %v allocations", codec, got)
		}
	}
}

func TestCompressorChooses(t *testing.T) {
	same := make([]byte, BatchBytes)
	noise := make([]byte, BatchBytes)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for _, c := range []struct {
		link  uint64
		pages []byte
		want  Codec
	}{{0, same, S2}, {0, noise, Raw}, {1 << 20, same, Zstd}, {1 << 20, noise, Raw}, {500 << 20, same, S2}} {
		if got, _ := NewCompressor(c.link).Compress(nil, c.pages); got != c.want {
			t.Errorf("link of %d B/s: %s instead of %s", c.link, got, c.want)
		}
	}
	fast := NewCompressor(1 << 50)
	fast.Compress(nil, same)
	if got, _ := fast.Compress(nil, same); got != Raw {
		t.Errorf("a link faster than the compression: %s", got)
	}
}

// What the link has taken tells its speed, and what pays with it.
func TestCompressorLearnsTheLink(t *testing.T) {
	same := make([]byte, BatchBytes)
	c := NewCompressor(0)
	c.Sent(believable-1, time.Second)
	if c.Link() != 0 {
		t.Fatalf("%d B/s from less than is to be believed", c.Link())
	}
	c.Sent(1, 0)
	if got := c.Link(); got != believable {
		t.Fatalf("%d B/s instead of %d", got, believable)
	}
	c.Compress(nil, same)
	if got, _ := c.Compress(nil, same); got == Raw {
		t.Error("pages that shrink go raw over a slow link")
	}
	for range 100 {
		c.Sent(believable, time.Nanosecond)
	}
	raw := 0
	for range 2 * probeEvery {
		if got, _ := c.Compress(nil, same); got == Raw {
			raw++
		}
	}
	if raw < probeEvery {
		t.Errorf("%d of %d batches go raw over a link that takes no time", raw, 2*probeEvery)
	}
}
