package image

import (
	"bytes"
	"errors"
	"reflect"
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
			Pid: 4711, Comm: "flac", Personality: 0x40000, Barriers: 16,
			Layout: Layout{StartCode: 0x400000, EndCode: 0x401000, StartData: 0x402000, EndData: 0x403000, StartBrk: 0x500000,
				Brk: 0x510000, StartStack: 0x7ffd00000000, ArgStart: 0x7ffd00000100, ArgEnd: 0x7ffd00000110, EnvStart: 0x7ffd00000110, EnvEnd: 0x7ffd00000200},
			Auxv:   make([]byte, 320),
			Vdso:   Vdso{Start: 0x7ffd10000000, Code: 0x7ffd10006000, End: 0x7ffd10008000, Bytes: code, Hash: blake3.Sum256(code)},
			Window: [2]abi.Addr{0x5f0000000000, 0x5f0004020000}, CPU: CPU{XCR0: 0xe7, XsaveLen: 2432, Features: []uint32{1, 2, 3}},
			Clock: Clock{Monotonic: 1, Boottime: -2}, CPUs: abi.CPUSet{3},
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
