package wire

import (
	"encoding/binary"
	"errors"
	"math"
)

// unpacker reads msgpack from a body that a peer sent. After the first thing
// that does not fit it fails for good and returns zeros, so that a decoder asks
// once, at its end, whether all was well.
type unpacker struct {
	rest []byte
	bad  bool
}

// errMisfit says that a body is not the message that it should be.
var errMisfit = errors.New("a field is missing, too large or too much")

// end says whether everything fitted and nothing is left over.
func (u *unpacker) end() error {
	if u.bad || len(u.rest) != 0 {
		return errMisfit
	}
	return nil
}

func (u *unpacker) fail() { u.bad, u.rest = true, nil }

// take consumes n bytes.
func (u *unpacker) take(n int) []byte {
	if n < 0 || n > len(u.rest) {
		u.fail()
		return nil
	}
	p := u.rest[:n]
	u.rest = u.rest[n:]
	return p
}

// code consumes one byte, codeNil if there is none.
func (u *unpacker) code() byte {
	if p := u.take(1); p != nil {
		return p[0]
	}
	return codeNil
}

// big consumes a big-endian number of 1, 2, 4 or 8 bytes.
func (u *unpacker) big(size int) uint64 {
	p := u.take(size)
	if p == nil {
		return 0
	}
	switch size {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(p))
	case 4:
		return uint64(binary.BigEndian.Uint32(p))
	}
	return binary.BigEndian.Uint64(p)
}

// uint reads a number that must not be negative.
func (u *unpacker) uint() uint64 {
	if len(u.rest) > 0 && u.rest[0] < 0x80 {
		v := u.rest[0]
		u.rest = u.rest[1:]
		return uint64(v)
	}
	return u.longUint()
}

func (u *unpacker) longUint() uint64 {
	switch c := u.code(); c {
	case codeUint8, codeUint16, codeUint32, codeUint64:
		return u.big(1 << (c - codeUint8))
	}
	u.fail()
	return 0
}

// uintMax reads a number from 0 to max.
func (u *unpacker) uintMax(max uint64) uint64 {
	v := u.uint()
	if v > max {
		u.fail()
		return 0
	}
	return v
}

// int reads a number that may be negative.
func (u *unpacker) int() int64 {
	if len(u.rest) == 0 {
		u.fail()
		return 0
	}
	switch c := u.rest[0]; {
	case c >= fixNegative:
		u.rest = u.rest[1:]
		return int64(int8(c))
	case c >= codeInt8 && c <= codeInt64:
		u.rest = u.rest[1:]
		size := 1 << (c - codeInt8)
		shift := 64 - 8*size
		return int64(u.big(size)<<shift) >> shift
	}
	return int64(u.uintMax(math.MaxInt64))
}

// array reads the head of an array and returns how many elements follow. Each
// takes a byte at least, so the number never exceeds what is left.
func (u *unpacker) array() int {
	n := uint64(0)
	switch c := u.code(); {
	case c&0xf0 == fixArray:
		n = uint64(c & 0x0f)
	case c == codeArray16:
		n = u.big(2)
	case c == codeArray32:
		n = u.big(4)
	default:
		u.fail()
	}
	if n > uint64(len(u.rest)) {
		u.fail()
		return 0
	}
	return int(n)
}

// fields reads the head of an array that must have n elements.
func (u *unpacker) fields(n int) {
	if u.array() != n {
		u.fail()
	}
}

// isNil consumes a nil, if there is one.
func (u *unpacker) isNil() bool {
	if len(u.rest) == 0 || u.rest[0] != codeNil {
		return false
	}
	u.rest = u.rest[1:]
	return true
}

// bytes reads a byte string and returns it as part of the body.
func (u *unpacker) bytes() []byte {
	switch c := u.code(); c {
	case codeBin8, codeBin16, codeBin32:
		return u.take(int(u.big(1 << (c - codeBin8))))
	}
	u.fail()
	return nil
}

// str reads a text and returns it as part of the body.
func (u *unpacker) str() []byte {
	switch c := u.code(); {
	case c&0xe0 == fixStr:
		return u.take(int(c & 0x1f))
	case c >= codeStr8 && c <= codeStr32:
		return u.take(int(u.big(1 << (c - codeStr8))))
	}
	u.fail()
	return nil
}

// bool reads a truth value.
func (u *unpacker) bool() bool {
	c := u.code()
	if c != codeTrue && c != codeFalse {
		u.fail()
	}
	return c == codeTrue
}
