package image

import (
	"reflect"
	"testing"

	"umosix/tracer/abi"
)

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
