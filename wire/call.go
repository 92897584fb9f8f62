package wire

import (
	"fmt"
	"math"

	"umosix/tracer/abi"
)

// The numbers of fields of the structs that this file encodes by hand. A test
// compares them with the structs.
const (
	callFields    = 4
	abiCallFields = 3
	regionFields  = 6
	pointerFields = 2
	ruleFields    = 6
	replyFields   = 3
)

// appendCall appends a Call as the msgpack library would: structs as arrays.
func appendCall(dst []byte, m *Call) ([]byte, error) {
	if len(m.Call.Regions) > abi.MaxRegions {
		return nil, fmt.Errorf("%d regions are more than %d", len(m.Call.Regions), abi.MaxRegions)
	}
	dst = append(dst, fixArray|callFields, fixArray|abiCallFields)
	dst = appendUint(dst, m.Call.Nr)
	dst = append(dst, fixArray|byte(len(m.Call.Args)))
	for _, arg := range m.Call.Args {
		dst = appendUint(dst, arg)
	}
	dst = appendArray(dst, len(m.Call.Regions))
	for i := range m.Call.Regions {
		dst = appendRegion(dst, &m.Call.Regions[i])
	}
	dst = appendUint(dst, m.Mask)
	dst = appendUint(dst, uint64(m.Flags))
	return appendUint(dst, m.From), nil
}

func appendRegion(dst []byte, r *abi.Region) []byte {
	dst = append(dst, fixArray|regionFields)
	dst = appendUint(dst, uint64(r.Addr))
	dst = appendUint(dst, r.Len)
	dst = appendUint(dst, r.Avail)
	dst = appendUint(dst, uint64(r.Dir))
	dst = append(dst, fixArray|pointerFields)
	dst = appendInt(dst, int64(r.At.Region))
	dst = appendUint(dst, uint64(r.At.Offset))
	dst = append(dst, fixArray|ruleFields)
	dst = appendUint(dst, uint64(r.Out.Kind))
	dst = appendUint(dst, r.Out.Unit)
	dst = appendInt(dst, int64(r.Out.LenAt))
	dst = appendUint(dst, uint64(r.Out.LenOff))
	dst = appendUint(dst, uint64(r.Out.Plus))
	return appendUint(dst, uint64(r.Out.Least))
}

// decode reads what appendCall wrote. Regions are appended to the slice that m
// has already.
func (m *Call) decode(body []byte) error {
	u := unpacker{rest: body}
	u.fields(callFields)
	u.fields(abiCallFields)
	m.Call.Nr = u.uint()
	u.fields(len(m.Call.Args))
	for i := range m.Call.Args {
		m.Call.Args[i] = u.uint()
	}
	n := u.array()
	if n > abi.MaxRegions {
		u.fail()
	}
	m.Call.Regions = m.Call.Regions[:0]
	for i := 0; i < n && !u.bad; i++ {
		m.Call.Regions = append(m.Call.Regions, abi.Region{})
		decodeRegion(&u, &m.Call.Regions[i])
	}
	m.Mask = u.uint()
	m.Flags = CallFlags(u.uintMax(math.MaxUint8))
	m.From = u.uint()
	if err := u.end(); err != nil {
		return err
	}
	return m.Call.Check()
}

func decodeRegion(u *unpacker, r *abi.Region) {
	u.fields(regionFields)
	r.Addr = abi.Addr(u.uint())
	r.Len = u.uint()
	r.Avail = u.uint()
	r.Dir = abi.Dir(u.uintMax(math.MaxUint8))
	u.fields(pointerFields)
	r.At.Region = u.index()
	r.At.Offset = uint32(u.uintMax(math.MaxUint32))
	u.fields(ruleFields)
	r.Out.Kind = abi.OutKind(u.uintMax(math.MaxUint8))
	r.Out.Unit = u.uint()
	r.Out.LenAt = u.index()
	r.Out.LenOff = uint32(u.uintMax(math.MaxUint32))
	r.Out.Plus = uint32(u.uintMax(math.MaxUint32))
	r.Out.Least = uint32(u.uintMax(math.MaxUint32))
}

// index reads the number of a region, or -1.
func (u *unpacker) index() int {
	i := u.int()
	if i < -1 || i >= abi.MaxRegions {
		u.fail()
		return 0
	}
	return int(i)
}

// appendReply appends a Reply as the msgpack library would.
func appendReply(dst []byte, m *Reply) ([]byte, error) {
	if len(m.Outs) > abi.MaxRegions {
		return nil, fmt.Errorf("%d regions are more than %d", len(m.Outs), abi.MaxRegions)
	}
	dst = appendInt(append(dst, fixArray|replyFields), m.Ret)
	dst = appendArray(dst, len(m.Outs))
	for _, n := range m.Outs {
		dst = appendUint(dst, uint64(n))
	}
	return appendUint(dst, uint64(m.Flags)), nil
}

// decode reads what appendReply wrote, into the slice that m has already.
func (m *Reply) decode(body []byte) error {
	u := unpacker{rest: body}
	u.fields(replyFields)
	m.Ret = u.int()
	n := u.array()
	if n > abi.MaxRegions {
		u.fail()
	}
	m.Outs = m.Outs[:0]
	for i := 0; i < n && !u.bad; i++ {
		m.Outs = append(m.Outs, uint32(u.uintMax(math.MaxUint32)))
	}
	m.Flags = ReplyFlags(u.uintMax(math.MaxUint8))
	return u.end()
}

// CheckPayload checks that payload holds exactly the In regions of the call, Avail
// bytes each. Whoever receives a Call asks this before using the payload.
func (m *Call) CheckPayload(payload []byte) error {
	left := uint64(len(payload))
	for i := range m.Call.Regions {
		r := &m.Call.Regions[i]
		if r.Dir&abi.In == 0 {
			continue
		}
		if r.Avail > left {
			return fmt.Errorf("%w: call: payload of %d bytes ends in region %d", ErrFrame, len(payload), i)
		}
		left -= r.Avail
	}
	return nothingLeft("call", left)
}

// CheckPayload checks that payload holds exactly Outs[i] bytes for each region i.
// Whoever receives a Reply asks this before using the payload.
func (m *Reply) CheckPayload(payload []byte) error {
	left := uint64(len(payload))
	for i, n := range m.Outs {
		if uint64(n) > left {
			return fmt.Errorf("%w: reply: payload of %d bytes ends in region %d", ErrFrame, len(payload), i)
		}
		left -= uint64(n)
	}
	return nothingLeft("reply", left)
}

func nothingLeft(what string, left uint64) error {
	if left != 0 {
		return fmt.Errorf("%w: %s: %d bytes of payload are no region's", ErrFrame, what, left)
	}
	return nil
}
