package wire

import (
	"bytes"
	"testing"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// sample is a frame with everything set to something, for golden files, round
// trips and as seed of the fuzzers.
type sample struct {
	h       Header
	body    any // a pointer, or nil
	payload []byte
}

func samples() []sample {
	info := bytes.Repeat([]byte{0}, 128)
	info[0], info[8] = 17, 1
	cpu := image.CPU{XCR0: 0xe7, XsaveLen: 2696, Features: []uint32{1, 1 << 31}}
	call := &Call{
		Call: abi.Call{
			Nr:   0,
			Args: [6]uint64{3, 0x7ffc0000_1000, 4096, 0, 0, 1<<64 - 1},
			Regions: []abi.Region{
				{Addr: 0x7ffc0000_1000, Len: 4096, Avail: 3, Dir: abi.InOut, At: abi.Pointer{Region: -1, Offset: 1},
					Out: abi.OutRule{Kind: abi.OutLenAt, Unit: 300, LenAt: 0, LenOff: 70000, Plus: 8, Least: 2}},
			},
		},
		Mask:  1 << 16,
		Flags: Resume,
		From:  1 << 20,
	}
	usage := Usage{UserNs: 1_500_000_000, SystemNs: 20_000_000, RSS: 123 << 20}
	head := func(t Type) Header { return Header{Type: t, Seq: 300, Ack: 299, Inc: 4, Pid: 4711, Tid: 4712} }
	return []sample{
		{head(TypeHello), &Hello{Protocol: Protocol, Job: "1.4711", Node: 2, Cage: "full", Features: []string{"a", "b"}, CPU: cpu}, nil},
		{head(TypeBye), &Reason{Text: "the job is home"}, nil},
		{head(TypePing), nil, nil},
		{head(TypePong), nil, nil},
		{head(TypeImage), sampleImage(cpu), nil},
		{head(TypeBatch), &image.Batch{File: -1, Runs: []image.Run{{Addr: 0x1000, Pages: 2}, {Addr: 0x8000, Pages: 1}}, Codec: image.S2, Sum: 1 << 63}, []byte("pages")},
		{head(TypeTrailer), &image.Trailer{Batches: 2, Pages: 70, Sum: 5}, nil},
		{head(TypeRebuilt), &Rebuilt{Failure: "no memory"}, nil},
		{head(TypeGo), nil, nil},
		{head(TypeAbandon), &Reason{Text: "the program has ended"}, nil},
		{head(TypeFreeze), nil, nil},
		{head(TypeThaw), nil, nil},
		{head(TypeDrop), nil, nil},
		{head(TypeDropped), nil, nil},
		{head(TypeCall), call, []byte("abc")},
		{head(TypeReply), &Reply{Ret: -512, Outs: []uint32{0, 3, 70000}, Flags: Parts}, []byte("out")},
		{head(TypeRelay), &Relay{Info: info, Group: true}, nil},
		{head(TypeInterrupt), nil, nil},
		{head(TypeFault), &Fault{Info: info, Core: true, Gone: true}, nil},
		{head(TypeComeHome), &Reason{Text: "io_uring", At: 4712}, nil},
		{head(TypeExit), &Exit{Status: 0x300, Group: true, Unmade: true, Usage: usage}, nil},
		{head(TypeMapFile), &MapFile{Addr: 0x10000, Length: 8192, Prot: 5, Flags: 2, Fd: -1, Offset: 4096}, nil},
		{head(TypeMapped), &Mapped{At: 0x20000, File: image.File{Path: "/bin/true", Dev: 1, Ino: 2, Size: 3, MtimeNs: -4}}, nil},
		{head(TypeUsage), &usage, nil},
		{head(TypeTell), call, []byte("abc")},
		{head(TypeClock), &image.Clock{Monotonic: 1, Boottime: 2}, nil},
		{head(TypeFile), &File{Index: 3, File: image.File{Path: "/bin/true", Dev: 1, Ino: 2, Size: 3, MtimeNs: 4}}, nil},
		{head(TypeBorn), &Reply{Ret: 4712, Outs: []uint32{4}}, []byte("fdno")},
		{head(TypeAbreast), nil, nil},
		{head(TypeStores), &Stores{Dev: 8<<32 | 1, Ino: 2, Runs: []StoreRun{{Offset: 4096, Len: 8}, {Offset: 70000, Len: 16}}}, []byte("eight bytes and sixteen.")},
	}
}

// sampleImage is a small image that passes its own checks.
func sampleImage(cpu image.CPU) *image.Image {
	m := &image.Image{
		Version: image.Version,
		Process: image.Process{Pid: 4711, Comm: "flac", Window: [2]abi.Addr{0x20000000000, 0x20004020000}, CPU: cpu, CPUs: abi.CPUSet{3},
			Clock: image.Clock{Monotonic: 1e9, Boottime: 2e9}},
		Tasks: []image.Task{{Tid: 4711, Regs: make([]byte, 216), Xstate: make([]byte, 576), Comm: "flac",
			Call: image.PendingCall{Nr: -1}}},
		Mappings: []image.Mapping{{Start: 0x400000, End: 0x402000, Prot: 5, Flags: 2, Offset: 4096}},
		Files:    []image.File{{Path: "/bin/flac", Dev: 1, Ino: 2, Size: 3, MtimeNs: 4}},
		Limits:   []image.Limit{{Resource: 7, Soft: 1024, Hard: 4096}},
	}
	m.Signals.Actions[2] = make([]byte, 32)
	return m
}

// frame encodes a sample whole.
func (s sample) frame(t testing.TB) []byte {
	t.Helper()
	b, err := AppendFrame(nil, s.h, s.body, len(s.payload))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, s.payload...)
}
