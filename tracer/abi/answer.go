package abi

import (
	"encoding/binary"
	"fmt"
)

// Failed reports whether a result is -errno (or a restart code) and not a number.
func Failed(ret int64) bool { return ret < 0 && ret >= -4095 }

// Outs is AppendOuts into a new slice.
func (c *Call) Outs(ret int64, bytes func(region int) []byte) []uint32 {
	return c.AppendOuts(make([]uint32, 0, len(c.Regions)), ret, bytes)
}

// AppendOuts appends for each region how many of its bytes, from its start, come
// back with the answer after the call has ended with ret. bytes gives the bytes of
// a region as they are after the call. None is ever more than the region's Avail.
func (c *Call) AppendOuts(dst []uint32, ret int64, bytes func(region int) []byte) []uint32 {
	for i := range c.Regions {
		n := uint64(0)
		if c.Regions[i].Dir&Out != 0 {
			n = c.outBytes(i, ret, bytes)
		}
		dst = append(dst, uint32(min(n, c.Regions[i].Avail)))
	}
	return dst
}

// outBytes is how many bytes the rule of region i brings back, if it has them.
func (c *Call) outBytes(i int, ret int64, bytes func(int) []byte) uint64 {
	r := &c.Regions[i]
	if r.Out.Kind == OutAlways {
		return r.Avail
	}
	if Failed(ret) || uint64(ret) < uint64(r.Out.Least) {
		return 0
	}
	switch r.Out.Kind {
	case OutAll:
		return r.Avail
	case OutRet:
		return mulBounded(uint64(ret), r.Out.Unit, r.Avail) + uint64(r.Out.Plus)
	case OutVector:
		return behind(uint64(ret), r.Out.Unit)
	case OutLenAt:
		return uint64(c.wordAt(r, bytes))
	case OutVectorAt:
		return behind(uint64(c.wordAt(r, bytes)), r.Out.Unit)
	case OutCString:
		return cString(bytes(i))
	}
	return 0
}

// mulBounded is a*b, or bound if that is smaller.
func mulBounded(a, b, bound uint64) uint64 {
	if b == 0 {
		return 0
	}
	if a > bound/b {
		return bound
	}
	return a * b
}

// behind is what is left of total after the first bytes.
func behind(total, first uint64) uint64 {
	if total < first {
		return 0
	}
	return total - first
}

// wordAt is the 32-bit number that the rule of r points to; 0 if it is not there.
func (c *Call) wordAt(r *Region, bytes func(int) []byte) uint32 {
	if r.Out.LenAt < 0 || r.Out.LenAt >= len(c.Regions) {
		return 0
	}
	b := bytes(r.Out.LenAt)
	if uint64(len(b)) < uint64(r.Out.LenOff)+4 {
		return 0
	}
	return binary.LittleEndian.Uint32(b[r.Out.LenOff:])
}

// cString is the length of the string in b with its NUL.
func cString(b []byte) uint64 {
	for i, c := range b {
		if c == 0 {
			return uint64(i) + 1
		}
	}
	return uint64(len(b))
}

// Relocate is used where the call is executed. addrs are the new addresses of the
// regions and data their bytes there (Avail or fewer): pointers inside the bytes
// are replaced in place, those in registers in the result. Pointers that have no
// region keep their value. Call Check first if the call came from a peer.
func (c *Call) Relocate(addrs []Addr, data [][]byte) (args [6]uint64) {
	args = c.Args
	for i := range c.Regions {
		at := c.Regions[i].At
		if at.Region < 0 {
			args[at.Offset] = uint64(addrs[i])
			continue
		}
		if b := data[at.Region]; uint64(len(b)) >= uint64(at.Offset)+8 {
			binary.LittleEndian.PutUint64(b[at.Offset:], uint64(addrs[i]))
		}
	}
	return args
}

// Spans is used where the program is: it calls write for each run [from, to) of the
// first n returned bytes of region i that goes into the program's memory. Pointers
// are left out, because they were replaced where the call was executed.
func (c *Call) Spans(i int, n uint32, write func(from, to uint32)) {
	from := uint32(0)
	if c.Regions[i].Dir == InOut {
		for j := i + 1; j < len(c.Regions); j++ {
			at := c.Regions[j].At
			if at.Region != i || at.Offset < from || at.Offset >= n {
				continue
			}
			if at.Offset > from {
				write(from, at.Offset)
			}
			from = at.Offset + 8
		}
	}
	if from < n {
		write(from, n)
	}
}

// Check reports what is wrong with a call that came from a peer: after it Relocate
// and Outs are safe, and the regions are within the bounds of this package.
func (c *Call) Check() error {
	if len(c.Regions) > MaxRegions {
		return fmt.Errorf("call %d: %d regions are more than %d", c.Nr, len(c.Regions), MaxRegions)
	}
	total := uint64(0)
	for i := range c.Regions {
		if err := c.Regions[i].check(i); err != nil {
			return fmt.Errorf("call %d: region %d: %w", c.Nr, i, err)
		}
		if total += c.Regions[i].Avail + gap; total > MaxCallBytes {
			return fmt.Errorf("call %d: more than %d bytes of memory", c.Nr, MaxCallBytes)
		}
	}
	return nil
}

// check checks the region with index i.
func (r *Region) check(i int) error {
	switch {
	case r.Avail > r.Len || r.Avail > MaxCallBytes:
		return fmt.Errorf("%d of %d bytes", r.Avail, r.Len)
	case r.Dir == 0 || r.Dir&^InOut != 0:
		return fmt.Errorf("direction %d", r.Dir)
	case r.At.Region >= i || r.At.Region < -1:
		return fmt.Errorf("pointer in region %d", r.At.Region)
	case r.At.Region == -1 && r.At.Offset > 5:
		return fmt.Errorf("pointer in argument %d", r.At.Offset)
	case r.Out.Kind > OutVectorAt:
		return fmt.Errorf("rule %d", r.Out.Kind)
	}
	return nil
}

// CheckOuts reports what is wrong with the byte counts of an answer from a peer.
func (c *Call) CheckOuts(outs []uint32) error {
	if len(outs) != len(c.Regions) {
		return fmt.Errorf("call %d: %d counts for %d regions", c.Nr, len(outs), len(c.Regions))
	}
	for i, n := range outs {
		r := &c.Regions[i]
		if n != 0 && (r.Dir&Out == 0 || uint64(n) > r.Avail) {
			return fmt.Errorf("call %d: region %d: %d bytes came back of %d", c.Nr, i, n, r.Avail)
		}
	}
	return nil
}
