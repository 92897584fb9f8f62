package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"umosix/tracer/abi"
)

// MaxFrame is the largest frame, in bytes, all included.
const MaxFrame = 80 << 20

// HeaderLen is the length in bytes of what stands in front of every body:
//
//	 0        4    5       8        12       16
//	+--------+----+-------+--------+--------+
//	| length |type| zero  |body len|  inc   |
//	+--------+----+-------+--------+--------+
//	|       seq           |       ack       |
//	+--------+------------+-----------------+
//	|  pid   |   tid   |  body ...  payload ...
//	+--------+---------+
//
// All numbers are big-endian; length counts the whole frame.
const HeaderLen = 40

// LengthLen is how many bytes of a frame tell its length.
const LengthLen = 4

// ErrFrame is wrapped by every error about bytes that break the protocol.
var ErrFrame = errors.New("bad frame")

// FrameLen reads the length of a frame from its first LengthLen bytes and checks
// it against the limits.
func FrameLen(prefix []byte) (int, error) {
	n := binary.BigEndian.Uint32(prefix)
	if n < HeaderLen || n > MaxFrame {
		return 0, fmt.Errorf("%w: length %d is not in %d..%d", ErrFrame, n, HeaderLen, MaxFrame)
	}
	return int(n), nil
}

// AppendFrame appends a frame's header and body to dst. The caller must send
// exactly payloadLen raw bytes right behind it. body is the message of h.Type or
// a pointer to it (which spares an allocation), nil for types without one. On an
// error dst comes back as it was.
func AppendFrame(dst []byte, h Header, body any, payloadLen int) ([]byte, error) {
	start := len(dst)
	if err := checkHeader(h, payloadLen); err != nil {
		return dst, fmt.Errorf("encode %s: %w", h.Type, err)
	}
	out, err := appendBody(appendHeader(dst, h), h.Type, body)
	if err != nil {
		return dst, fmt.Errorf("encode %s: %w", h.Type, err)
	}
	bodyLen := len(out) - start - HeaderLen
	total := HeaderLen + bodyLen + payloadLen
	if bodyLen > rows[h.Type].maxBody || payloadLen > MaxFrame || total > MaxFrame {
		return dst, fmt.Errorf("encode %s: body of %d and payload of %d bytes are too long", h.Type, bodyLen, payloadLen)
	}
	binary.BigEndian.PutUint32(out[start:], uint32(total))
	binary.BigEndian.PutUint32(out[start+8:], uint32(bodyLen))
	return out, nil
}

// checkHeader is the sender's half of the checks that ParseFrame makes.
func checkHeader(h Header, payloadLen int) error {
	switch {
	case !h.Type.Known():
		return errors.New("unknown type")
	case h.Pid < 0 || h.Pid > math.MaxInt32 || h.Tid < 0 || h.Tid > math.MaxInt32:
		return fmt.Errorf("pid %d or task %d out of range", h.Pid, h.Tid)
	case payloadLen < 0 || payloadLen > 0 && !rows[h.Type].payload:
		return fmt.Errorf("it cannot carry a payload of %d bytes", payloadLen)
	}
	return nil
}

// appendHeader appends the header with both lengths still zero.
func appendHeader(dst []byte, h Header) []byte {
	dst = append(dst, 0, 0, 0, 0, byte(h.Type), 0, 0, 0, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.Inc))
	dst = binary.BigEndian.AppendUint64(dst, h.Seq)
	dst = binary.BigEndian.AppendUint64(dst, h.Ack)
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.Pid))
	return binary.BigEndian.AppendUint32(dst, uint32(h.Tid))
}

// ParseFrame takes apart one whole frame. Body and payload are parts of buf. It
// checks everything that can be told without looking into the body; all its
// errors wrap ErrFrame.
func ParseFrame(buf []byte) (h Header, body, payload []byte, err error) {
	if len(buf) < HeaderLen {
		return h, nil, nil, fmt.Errorf("%w: %d bytes are no header", ErrFrame, len(buf))
	}
	total, err := FrameLen(buf)
	if err != nil {
		return h, nil, nil, err
	}
	if total != len(buf) {
		return h, nil, nil, fmt.Errorf("%w: length says %d, there are %d bytes", ErrFrame, total, len(buf))
	}
	h, bodyLen := parseHeader(buf)
	row := &rows[h.Type]
	switch rest := uint32(len(buf) - HeaderLen); {
	case row.name == "":
		err = fmt.Errorf("%w: unknown type %d", ErrFrame, h.Type)
	case buf[5]|buf[6]|buf[7] != 0:
		err = fmt.Errorf("%w: %s: reserved bytes are set", ErrFrame, h.Type)
	case h.Pid > math.MaxInt32 || h.Tid > math.MaxInt32:
		err = fmt.Errorf("%w: %s: pid %d or task %d out of range", ErrFrame, h.Type, h.Pid, h.Tid)
	case bodyLen > rest || bodyLen > uint32(row.maxBody):
		err = fmt.Errorf("%w: %s: body of %d bytes, limit %d, frame has %d", ErrFrame, h.Type, bodyLen, row.maxBody, rest)
	case bodyLen < rest && !row.payload:
		err = fmt.Errorf("%w: %s: payload of %d bytes", ErrFrame, h.Type, rest-bodyLen)
	}
	if err != nil {
		return Header{}, nil, nil, err
	}
	end := HeaderLen + int(bodyLen)
	return h, buf[HeaderLen:end:end], buf[end:], nil
}

// parseHeader reads the fields of a header; buf has at least HeaderLen bytes.
func parseHeader(buf []byte) (Header, uint32) {
	be := binary.BigEndian
	buf = buf[:HeaderLen]
	return Header{
		Type: Type(buf[4]),
		Inc:  Incarnation(be.Uint32(buf[12:])),
		Seq:  be.Uint64(buf[16:]),
		Ack:  be.Uint64(buf[24:]),
		Pid:  abi.HomePid(be.Uint32(buf[32:])),
		Tid:  abi.HomePid(be.Uint32(buf[36:])),
	}, be.Uint32(buf[8:])
}
