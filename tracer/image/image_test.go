package image

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/zeebo/blake3"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"umosix/tracer/abi"
)

// sample is an image that has something in every field.
func sample() *Image {
	code := bytes.Repeat([]byte{0xc3}, 2*abi.PageSize)
	img := &Image{
		Version: Version,
		Process: Process{
			Pid: 4711, Comm: "flac", Personality: 0x40000,
			Layout: Layout{StartCode: 0x400000, EndCode: 0x401000, StartData: 0x402000, EndData: 0x403000, StartBrk: 0x500000,
				Brk: 0x510000, StartStack: 0x7ffd00000000, ArgStart: 0x7ffd00000100, ArgEnd: 0x7ffd00000110, EnvStart: 0x7ffd00000110, EnvEnd: 0x7ffd00000200},
			Auxv:   make([]byte, 320),
			Vdso:   Vdso{Start: 0x7ffd10000000, Code: 0x7ffd10006000, End: 0x7ffd10008000, Bytes: code, Hash: blake3.Sum256(code)},
			Window: 0x5f0000000000, CPU: CPU{XCR0: 0xe7, XsaveLen: 2432, Features: []uint32{1, 2, 3}},
			Clock: Clock{Monotonic: 1, Boottime: -2}, PossibleCPUs: 2,
		},
		Tasks: []Task{{Tid: 4711, Regs: make([]byte, regsLen), Xstate: make([]byte, 2432), SigMask: 5, AltStack: AltStack{Sp: 0x1000, Flags: -1 << 31, Size: 8192},
			Rseq: Rseq{Addr: 0x2000, Size: 32, Sig: 0x53053053}, RobustHead: 0x3000, RobustLen: 24, ClearTid: 0x4000,
			Pending: [][]byte{make([]byte, siginfoLen)}, Comm: "flac", Call: PendingCall{Nr: -1, Args: [6]uint64{1, 2, 3, 4, 5, 6}}}},
		Mappings: []Mapping{
			{Start: 0x400000, End: 0x401000, Prot: unix.PROT_READ | unix.PROT_EXEC, Flags: unix.MAP_PRIVATE, File: 0},
			{Start: 0x500000, End: 0x510000, Prot: unix.PROT_READ | unix.PROT_WRITE, Flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, File: -1, Name: "[heap]", Advice: AdviceHugepage},
		},
		Files:   []File{{Path: "/usr/bin/flac", Dev: 1<<32 | 2, Ino: 3, Size: 4, MtimeNs: 5}},
		Signals: Signals{Pending: [][]byte{make([]byte, siginfoLen)}},
		Limits:  []Limit{{Resource: 3, Soft: 8 << 20, Hard: ^uint64(0)}},
		Guards:  []Run{{Addr: 0x502000, Pages: 1}},
	}
	img.Signals.Actions[2] = bytes.Repeat([]byte{1}, actionLen)
	return img
}

func TestEncodeDecode(t *testing.T) {
	raw, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, sample()) {
		t.Fatalf("decoded:\n%+v\nencoded:\n%+v", back, sample())
	}
}

// Inside another message an image is encoded and checked in the same way.
func TestEncodeInsideOther(t *testing.T) {
	type frame struct{ Before, Image, After any }
	raw, err := msgpack.Marshal(frame{1, sample(), "end"})
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Before int
		Image  Image
		After  string
	}
	if err := msgpack.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if back.Before != 1 || back.After != "end" || !reflect.DeepEqual(&back.Image, sample()) {
		t.Fatalf("%+v", back)
	}
}

func TestValidateRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Image){
		"version":             func(i *Image) { i.Version = 2 },
		"no task":             func(i *Image) { i.Tasks = nil },
		"task twice":          func(i *Image) { i.Tasks = append(i.Tasks, i.Tasks[0]) },
		"registers":           func(i *Image) { i.Tasks[0].Regs = i.Tasks[0].Regs[1:] },
		"short xstate":        func(i *Image) { i.Tasks[0].Xstate = make([]byte, 512) },
		"long xstate":         func(i *Image) { i.Tasks[0].Xstate = make([]byte, MaxXstate+1) },
		"siginfo":             func(i *Image) { i.Tasks[0].Pending[0] = nil },
		"overlap":             func(i *Image) { i.Mappings[1].Start = 0x400000 },
		"descending":          func(i *Image) { i.Mappings[0], i.Mappings[1] = i.Mappings[1], i.Mappings[0] },
		"empty mapping":       func(i *Image) { i.Mappings[0].End = i.Mappings[0].Start },
		"unaligned":           func(i *Image) { i.Mappings[0].Start++ },
		"kernel's half":       func(i *Image) { i.Mappings[1].End = abi.TaskSize + abi.PageSize },
		"over the vdso":       func(i *Image) { i.Mappings[1].End = 0x7ffd10001000 },
		"unknown protection":  func(i *Image) { i.Mappings[0].Prot |= 8 },
		"unknown flag":        func(i *Image) { i.Mappings[0].Flags |= unix.MAP_FIXED },
		"unknown advice":      func(i *Image) { i.Mappings[0].Advice |= 1 << 30 },
		"shared and private":  func(i *Image) { i.Mappings[0].Flags |= unix.MAP_SHARED },
		"anonymous file":      func(i *Image) { i.Mappings[0].Flags |= unix.MAP_ANONYMOUS },
		"file out of range":   func(i *Image) { i.Mappings[0].File = 1 },
		"offset":              func(i *Image) { i.Mappings[0].Offset = 5 },
		"vdso hash":           func(i *Image) { i.Process.Vdso.Bytes[0]++ },
		"vdso size":           func(i *Image) { i.Process.Vdso.Start -= MaxVdso },
		"auxv":                func(i *Image) { i.Process.Auxv = make([]byte, MaxAuxv+16) },
		"action":              func(i *Image) { i.Signals.Actions[9] = []byte{1} },
		"action of 0":         func(i *Image) { i.Signals.Actions[0] = make([]byte, actionLen) },
		"limit twice":         func(i *Image) { i.Limits = append(i.Limits, i.Limits[0]) },
		"limit above maximum": func(i *Image) { i.Limits[0] = Limit{3, 2, 1} },
		"file without a path": func(i *Image) { i.Files[0].Path = "" },
		"guard outside":       func(i *Image) { i.Guards[0].Addr = 0x50f000; i.Guards[0].Pages = 2 },
	} {
		img := sample()
		spoil(img)
		if err := img.Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Encode(img); err == nil {
			t.Errorf("%s: it is encoded", name)
		}
	}
}

// A length in front of nothing must not make a reader allocate.
func TestDecodeBoundsAllocation(t *testing.T) {
	huge := []byte{0xdd, 0xff, 0xff, 0xff, 0xff}
	for _, raw := range [][]byte{huge, append([]byte{0x98, 1}, huge...), bytes.Repeat([]byte{0x91}, 1<<20), {0xc6, 0xff, 0xff, 0xff, 0xff}} {
		if _, err := Decode(raw); !errors.Is(err, ErrShape) {
			t.Errorf("%x...: %v", raw[:5], err)
		}
	}
}

// A reflecting decoder and WellFormed agree on what is one value.
func TestWellFormedAcceptsWhatIsEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(
			rapid.Map(rapid.Int64(), func(v int64) any { return v }),
			rapid.Map(rapid.Uint64(), func(v uint64) any { return v }),
			rapid.Map(rapid.String(), func(v string) any { return v }),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 70000), func(v []byte) any { return v }),
			rapid.Map(rapid.SliceOf(rapid.Float64()), func(v []float64) any { return v }),
			rapid.Map(rapid.MapOf(rapid.String(), rapid.Bool()), func(v map[string]bool) any { return v }),
		).Draw(t, "value")
		raw, err := msgpack.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := WellFormed(raw); err != nil {
			t.Fatalf("%x: %v", raw, err)
		}
		if len(raw) > 1 && WellFormed(raw[:len(raw)-1]) == nil {
			t.Fatalf("%x without its last byte passes", raw)
		}
	})
}

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
		c.rate = 0
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

func FuzzDecode(f *testing.F) {
	raw, err := Encode(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		img, err := Decode(raw)
		if err != nil {
			return
		}
		again, err := Encode(img)
		if err != nil {
			t.Fatalf("decoded, but not to be encoded: %v", err)
		}
		back, err := Decode(again)
		if err != nil || !reflect.DeepEqual(back, img) {
			t.Fatalf("%v", err)
		}
	})
}

func FuzzReadFile(f *testing.F) {
	f.Add(file(f))
	f.Fuzz(func(t *testing.T, raw []byte) { readFile(raw) })
}

func FuzzBatch(f *testing.F) {
	b := NewBatch(-1, []Run{{0x1000, 1}}, make([]byte, abi.PageSize), NewCompressor(0))
	head, _ := b.EncodeHeader()
	f.Add(head, b.Data)
	f.Fuzz(func(t *testing.T, head, data []byte) {
		b := Batch{Data: data}
		if b.DecodeHeader(head) == nil {
			b.Pages(nil)
		}
	})
}
