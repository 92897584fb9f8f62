package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"

	"umosix/tracer/image"
)

// appendBody appends the encoded message of a frame of type t. The messages of
// the hot path have encoders of their own, in the same format.
func appendBody(dst []byte, t Type, body any) ([]byte, error) {
	if err := checkType(t, body); err != nil {
		return nil, err
	}
	switch m := body.(type) {
	case nil:
		return dst, nil
	case *Call:
		return appendCall(dst, m)
	case Call:
		return appendCall(dst, &m)
	case *Reply:
		return appendReply(dst, m)
	case Reply:
		return appendReply(dst, &m)
	case *image.Batch:
		return appendEncoded(dst, m.EncodeHeader)
	case image.Batch:
		return appendEncoded(dst, m.EncodeHeader)
	case image.Image:
		return appendReflected(dst, &m)
	}
	return appendReflected(dst, body)
}

func appendEncoded(dst []byte, encode func() ([]byte, error)) ([]byte, error) {
	b, err := encode()
	return append(dst, b...), err
}

// Decode fills *into, the message of h.Type, from a frame's body. It is strict:
// every field must be there and fit, and nothing may follow. For types without a
// body into is nil. Slices that *into has already are used again; bytes are
// copied, so nothing points into body afterwards. What it needs in memory is
// bounded by a multiple of len(body). Its errors wrap ErrFrame, unless into is of
// the wrong type.
func Decode(h Header, body []byte, into any) error {
	if err := checkType(h.Type, into); err != nil {
		return fmt.Errorf("decode %s: %w", h.Type, err)
	}
	if err := decode(h.Type, body, into); err != nil {
		return fmt.Errorf("%w: %s of %d bytes: %w", ErrFrame, h.Type, len(body), err)
	}
	return nil
}

func decode(t Type, body []byte, into any) error {
	switch m := into.(type) {
	case nil:
		return (&unpacker{rest: body}).end()
	case *Call:
		return m.decode(body)
	case *Reply:
		return m.decode(body)
	}
	if reflect.TypeOf(into).Kind() != reflect.Pointer {
		return fmt.Errorf("into a %T, which is no pointer", into)
	}
	if batch, ok := into.(*image.Batch); ok {
		batch.Data = nil
		return batch.DecodeHeader(body)
	}
	if err := checkBody(rows[t].body, body); err != nil {
		return err
	}
	dec := msgpack.GetDecoder()
	defer msgpack.PutDecoder(dec)
	dec.Reset(bytes.NewReader(body))
	return dec.Decode(into)
}

// checkType says whether body is the message of t, or a pointer to it.
func checkType(t Type, body any) error {
	have, want := reflect.TypeOf(body), rows[t].body
	if have != nil && have.Kind() == reflect.Pointer {
		have = have.Elem()
	}
	if !t.Known() {
		return errors.New("unknown type")
	}
	if have != want {
		return fmt.Errorf("body is a %v, not a %v", have, want)
	}
	return nil
}

// appender lets the library write behind what a slice holds already.
type appender struct{ dst []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.dst = append(a.dst, p...)
	return len(p), nil
}

// appendReflected encodes a message that is not on the hot path.
func appendReflected(dst []byte, body any) ([]byte, error) {
	a := appender{dst}
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	enc.Reset(&a)
	enc.UseArrayEncodedStructs(true)
	enc.UseCompactInts(true)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	return a.dst, nil
}
