package snapshot

import (
	"encoding/binary"
	"fmt"

	"umosix/tracer/image"
)

// Offsets in an XSAVE area (Intel SDM volume 1, 13.4). The legacy area, the
// header and AVX lie at the same place on every processor.
const (
	xstateMask  = 464 // sw_reserved.xfeatures, the kernel's word for XCR0
	xstateBV    = 512
	xstateFixed = 576 + 256 // end of the AVX component
	fixedParts  = 0x7       // x87, SSE, AVX
)

// fitXstate returns the XSAVE area x of a process from a processor `from` as it
// must be on processor `to`. Register sets that `to` does not have, or has at
// another offset, must be in their initial state.
func fitXstate(x []byte, from, to image.CPU) ([]byte, error) {
	if from.XCR0 == to.XCR0 && from.XsaveLen == to.XsaveLen {
		return x, nil
	}
	used := binary.LittleEndian.Uint64(x[xstateBV:])
	if rest := used &^ fixedParts; rest != 0 {
		return nil, fmt.Errorf("register sets %#x are in use and lie elsewhere on this processor", rest)
	}
	if used&^to.XCR0 != 0 {
		return nil, fmt.Errorf("register sets %#x are in use and this processor lacks them", used&^to.XCR0)
	}
	out := make([]byte, max(int(to.XsaveLen), xstateBV+64))
	copy(out, x[:min(len(x), xstateFixed, len(out))])
	binary.LittleEndian.PutUint64(out[xstateMask:], to.XCR0)
	return out, nil
}
