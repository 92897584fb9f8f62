package wire

import (
	"math"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// appendBatch appends a Batch without its Data, which is the frame's payload.
func appendBatch(dst []byte, m *image.Batch) []byte {
	dst = appendInt(append(dst, fixArray|4), int64(m.File))
	dst = appendArray(dst, len(m.Runs))
	for _, run := range m.Runs {
		dst = appendUint(append(dst, fixArray|2), uint64(run.Addr))
		dst = appendUint(dst, uint64(run.Pages))
	}
	dst = appendUint(dst, uint64(m.Codec))
	return appendUint(dst, m.Sum)
}

// decodeBatch reads what appendBatch wrote; Data is left nil, the receiver puts
// the payload there. A batch has at most image.BatchPages pages.
func decodeBatch(m *image.Batch, body []byte) bool {
	u := unpacker{rest: body}
	u.fields(4)
	m.Data = nil
	if file := u.int(); file >= -1 && file <= math.MaxInt32 {
		m.File = int(file)
	} else {
		u.fail()
	}
	n, pages := u.array(), uint64(0)
	m.Runs = m.Runs[:0]
	for i := 0; i < n && !u.bad; i++ {
		u.fields(2)
		run := image.Run{Addr: abi.Addr(u.uint()), Pages: uint32(u.uintMax(image.BatchPages))}
		m.Runs = append(m.Runs, run)
		if pages += uint64(run.Pages); run.Pages == 0 || pages > image.BatchPages {
			u.fail()
		}
	}
	m.Codec = image.Codec(u.uintMax(math.MaxUint8))
	m.Sum = u.uint()
	return u.done()
}
