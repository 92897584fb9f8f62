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
	case *Reply:
		return appendReply(dst, m)
	case Reply:
		return appendReply(dst, &m)
	case *image.Batch:
		return appendBatch(dst, m), nil
	case Call:
		return appendCall(dst, &m)
	case image.Batch:
		return appendBatch(dst, &m), nil
	}
	return appendReflected(dst, body)
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
	ok := false
	switch m := into.(type) {
	case nil:
		ok = len(body) == 0
	case *Call:
		ok = m.decode(body)
	case *Reply:
		ok = m.decode(body)
	case *image.Batch:
		ok = decodeBatch(m, body)
	default:
		ok = decodeReflected(into, body)
	}
	if !ok {
		return fmt.Errorf("%w: %s: body of %d bytes cannot be decoded", ErrFrame, h.Type, len(body))
	}
	return nil
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

// decodeReflected decodes a message that is not on the hot path.
func decodeReflected(into any, body []byte) bool {
	if !checkBody(reflect.TypeOf(into).Elem(), body) {
		return false
	}
	dec := msgpack.GetDecoder()
	defer msgpack.PutDecoder(dec)
	dec.Reset(bytes.NewReader(body))
	return dec.Decode(into) == nil
}
