package image

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxDepth is how deep values may nest: far more than any of our messages needs.
const maxDepth = 16

// ErrShape is wrapped by the errors of WellFormed.
var ErrShape = errors.New("not a well-formed msgpack value")

// WellFormed tells whether b is exactly one msgpack value, nested at most 16
// deep, none of whose lengths claims more than the bytes that follow. What comes
// from a peer must pass it before a reflecting decoder sees it, because such a
// decoder allocates what a length claims and recurses as deep as it is told.
func WellFormed(b []byte) error {
	rest, err := skim(b, 0)
	if err != nil {
		return err
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: %d bytes behind its end", ErrShape, len(rest))
	}
	return nil
}

// skim steps over one value and returns what follows it.
func skim(b []byte, depth int) ([]byte, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: cut short", ErrShape)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrShape, maxDepth)
	}
	h, err := heading(b)
	if err != nil {
		return nil, err
	}
	rest := b[h.size:]
	if h.bytes > uint64(len(rest)) || h.items > uint64(len(rest)) {
		return nil, fmt.Errorf("%w: a length of %d with %d bytes left", ErrShape, max(h.bytes, h.items), len(rest))
	}
	rest = rest[h.bytes:]
	for range h.items {
		if rest, err = skim(rest, depth+1); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// head is what the first bytes of a value say: their own number, the number of
// plain bytes behind them, and of values behind those.
type head struct {
	size         int
	bytes, items uint64
}

// heading decodes the type byte and the length of the value at the start of b
// (the msgpack specification, "Formats").
func heading(b []byte) (head, error) {
	c := b[0]
	switch {
	case c <= 0x7f || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3:
		return head{size: 1}, nil
	case c <= 0x8f:
		return head{size: 1, items: 2 * uint64(c&0x0f)}, nil
	case c <= 0x9f:
		return head{size: 1, items: uint64(c & 0x0f)}, nil
	case c <= 0xbf:
		return head{size: 1, bytes: uint64(c & 0x1f)}, nil
	}
	f, known := formats[c]
	if !known {
		return head{}, fmt.Errorf("%w: type byte %#x", ErrShape, c)
	}
	if len(b) < 1+f.length {
		return head{}, fmt.Errorf("%w: cut short", ErrShape)
	}
	n := bigEndian(b[1 : 1+f.length])
	return head{size: 1 + f.length, bytes: f.fixed + f.perByte*n, items: f.perItem * n}, nil
}

// format describes the values of one type byte: how wide their length is, how
// many bytes follow it anyway, and what the length counts.
type format struct {
	length                  int
	fixed, perByte, perItem uint64
}

var formats = map[byte]format{
	0xc4: {length: 1, perByte: 1}, 0xc5: {length: 2, perByte: 1}, 0xc6: {length: 4, perByte: 1},
	0xca: {fixed: 4}, 0xcb: {fixed: 8},
	0xcc: {fixed: 1}, 0xcd: {fixed: 2}, 0xce: {fixed: 4}, 0xcf: {fixed: 8},
	0xd0: {fixed: 1}, 0xd1: {fixed: 2}, 0xd2: {fixed: 4}, 0xd3: {fixed: 8},
	0xd9: {length: 1, perByte: 1}, 0xda: {length: 2, perByte: 1}, 0xdb: {length: 4, perByte: 1},
	0xdc: {length: 2, perItem: 1}, 0xdd: {length: 4, perItem: 1},
	0xde: {length: 2, perItem: 2}, 0xdf: {length: 4, perItem: 2},
}

func bigEndian(b []byte) uint64 {
	var wide [8]byte
	copy(wide[8-len(b):], b)
	return binary.BigEndian.Uint64(wide[:])
}
