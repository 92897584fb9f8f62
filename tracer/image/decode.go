package image

import (
	"bytes"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// Decode reads what Encode wrote and checks it completely. It allocates no more
// than the limits of an image allow, whatever b claims.
func Decode(b []byte) (*Image, error) {
	img := new(Image)
	if err := img.decode(b); err != nil {
		return nil, fmt.Errorf("decode image: %w", err)
	}
	return img, nil
}

func (img *Image) decode(b []byte) error {
	dec, err := open(b, 8)
	if err != nil {
		return err
	}
	if img.Version, err = dec.DecodeInt(); err != nil {
		return fmt.Errorf("version: %w", err)
	}
	if img.Version != Version {
		return fmt.Errorf("it has version %d, this program reads version %d", img.Version, Version)
	}
	steps := []func() error{
		func() error { return dec.Decode(&img.Process) },
		func() error { return list(dec, MaxTasks, &img.Tasks) },
		func() error { return list(dec, MaxMappings, &img.Mappings) },
		func() error { return list(dec, MaxFiles, &img.Files) },
		func() error { return dec.Decode(&img.Signals) },
		func() error { return list(dec, maxLimits, &img.Limits) },
		func() error { return list(dec, MaxMappings, &img.Guards) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return img.Validate()
}

// open checks the shape of b, which must be an array of n values, and returns a
// decoder that stands before the first.
func open(b []byte, n int) (*msgpack.Decoder, error) {
	if err := WellFormed(b); err != nil {
		return nil, err
	}
	dec := msgpack.NewDecoder(bytes.NewReader(b))
	got, err := dec.DecodeArrayLen()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrShape, err)
	}
	if got != n {
		return nil, fmt.Errorf("%w: %d parts, not %d", ErrShape, got, n)
	}
	return dec, nil
}

// list decodes an array of at most limit elements. The slice grows with what
// has really been read.
func list[T any](dec *msgpack.Decoder, limit int, to *[]T) error {
	n, err := dec.DecodeArrayLen()
	if err != nil {
		return err
	}
	if n > limit {
		return fmt.Errorf("%d elements of %T, %d at most", n, *to, limit)
	}
	for range n {
		var v T
		if err := dec.Decode(&v); err != nil {
			return err
		}
		*to = append(*to, v)
	}
	return nil
}

// DecodeMsgpack reads what EncodeMsgpack wrote, with all checks of Decode.
func (img *Image) DecodeMsgpack(dec *msgpack.Decoder) error {
	raw, err := dec.DecodeRaw()
	if err != nil {
		return err
	}
	*img = Image{}
	return img.decode(raw)
}

// DecodeHeader reads what EncodeHeader wrote into b and checks it; Data stays
// as it is.
func (b *Batch) DecodeHeader(raw []byte) error {
	dec, err := open(raw, 4)
	if err != nil {
		return fmt.Errorf("decode batch: %w", err)
	}
	var h Batch
	if h.File, err = dec.DecodeInt(); err == nil {
		err = list(dec, BatchPages, &h.Runs)
	}
	if err == nil {
		err = dec.DecodeMulti(&h.Codec, &h.Sum)
	}
	if err == nil {
		err = h.validateHeader()
	}
	if err != nil {
		return fmt.Errorf("decode batch: %w", err)
	}
	b.File, b.Runs, b.Codec, b.Sum = h.File, h.Runs, h.Codec, h.Sum
	return nil
}

// DecodeTrailer reads what Trailer.Encode wrote.
func DecodeTrailer(raw []byte) (Trailer, error) {
	var t Trailer
	dec, err := open(raw, 3)
	if err == nil {
		err = dec.DecodeMulti(&t.Batches, &t.Pages, &t.Sum)
	}
	if err != nil {
		return Trailer{}, fmt.Errorf("decode trailer: %w", err)
	}
	return t, nil
}
