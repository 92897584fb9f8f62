package wire

import (
	"testing"

	"umosix/tracer/abi"
)

// The hot path: one call and its answer, encoded by one side and decoded by the
// other into messages that are used again.
func BenchmarkCallNoRegion(b *testing.B) {
	benchCall(b, &Call{Call: abi.Call{Nr: 110}}, &Reply{Ret: 4711})
}

func BenchmarkCallRead(b *testing.B) {
	benchCall(b, &Call{
		Call: abi.Call{
			Nr:   0,
			Args: [6]uint64{3, 0x7ffc0000_1000, 4096},
			Regions: []abi.Region{{Addr: 0x7ffc0000_1000, Len: 4096, Avail: 4096, Dir: abi.Out,
				At: abi.Pointer{Region: -1, Offset: 1}, Out: abi.OutRule{Kind: abi.OutRet, Unit: 1}}},
		},
		Mask: 1 << 16,
	}, &Reply{Ret: 4096, Outs: []uint32{4096}})
}

func benchCall(b *testing.B, call *Call, reply *Reply) {
	b.Run("call", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		into := new(Call)
		for b.Loop() {
			buf = roundTrip(b, buf[:0], Header{Type: TypeCall, Seq: 1, Pid: 4711, Tid: 4711}, call, into)
		}
	})
	b.Run("reply", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		into := new(Reply)
		for b.Loop() {
			buf = roundTrip(b, buf[:0], Header{Type: TypeReply, Seq: 1, Ack: 1, Pid: 4711, Tid: 4711}, reply, into)
		}
	})
}

func roundTrip(b *testing.B, buf []byte, h Header, message, into any) []byte {
	buf, err := AppendFrame(buf, h, message, 0)
	if err != nil {
		b.Fatal(err)
	}
	h, body, _, err := ParseFrame(buf)
	if err != nil {
		b.Fatal(err)
	}
	if err := Decode(h, body, into); err != nil {
		b.Fatal(err)
	}
	return buf
}
