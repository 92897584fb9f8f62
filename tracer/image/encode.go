package image

import (
	"bytes"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// Encode checks img and returns it as msgpack, structs as arrays. The file
// contents and pages are not part of it.
func Encode(img *Image) ([]byte, error) {
	if err := img.Validate(); err != nil {
		return nil, fmt.Errorf("encode image of pid %d: %w", img.Process.Pid, err)
	}
	return pack(img.fields()...)
}

// fields lists the parts of the image in the order in which they are encoded.
func (img *Image) fields() []any {
	return []any{img.Version, &img.Process, img.Tasks, img.Mappings, img.Files, &img.Signals, img.Limits, img.Guards}
}

// pack encodes values as one array.
func pack(values ...any) ([]byte, error) {
	var b bytes.Buffer
	enc := msgpack.NewEncoder(&b)
	enc.UseArrayEncodedStructs(true)
	enc.UseCompactInts(true)
	if err := enc.EncodeArrayLen(len(values)); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return nil, fmt.Errorf("encode: %w", err)
		}
	}
	return b.Bytes(), nil
}

// EncodeMsgpack writes img as Encode does, so that an image inside another
// message looks the same.
func (img *Image) EncodeMsgpack(enc *msgpack.Encoder) error {
	b, err := Encode(img)
	if err != nil {
		return err
	}
	return enc.Encode(msgpack.RawMessage(b))
}

// EncodeHeader returns b without Data as msgpack, for a frame that carries Data
// as its payload.
func (b *Batch) EncodeHeader() ([]byte, error) {
	if err := b.validateHeader(); err != nil {
		return nil, fmt.Errorf("encode batch: %w", err)
	}
	return pack(b.File, b.Runs, b.Codec, b.Sum)
}

// Encode returns t as msgpack.
func (t Trailer) Encode() ([]byte, error) {
	return pack(t.Batches, t.Pages, t.Sum)
}
