package remote

import (
	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/wire"
)

// A large write to a descriptor that does not wait moves as many bytes as there is room
// for, and the program makes it again with the others. Sent as a whole each time, most of
// it would travel in vain. So home tells of such a descriptor, and then the call is sent
// in parts: the next one when the last has been taken whole.
//
//	(whole) --Parts--> part --More--> part ... --> outcome
//	                     \--Whole--> (whole)

// The sizes of parts, in bytes. A call of less than two parts is sent as a whole.
const (
	leastPart = 64 << 10
	firstPart = 256 << 10
)

// sendFirstPart sends the first part of a call, if it is one that goes in parts.
func (t *task) sendFirstPart(nr uint64, args [6]uint64) bool {
	size := t.g.parts[int32(args[0])]
	if size == 0 || nr != unix.SYS_WRITE && nr != unix.SYS_SENDTO && nr != unix.SYS_WRITEV {
		return false
	}
	if _, refusal := abi.PlanInto(&t.call, nr, args, t.g.mem); refusal != "" {
		return false
	}
	_, total, ok := t.sent()
	if !ok || total < 2*size {
		return false
	}
	t.sendPart(0)
	return true
}

// sent are the pieces of memory with the bytes that a write moves, and how many they are; ok
// is false for other calls, and where memory is missing.
func (t *task) sent() (pieces []abi.Region, total uint64, ok bool) {
	const harmless = unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT | unix.MSG_MORE
	args := &t.call.Args
	switch t.call.Nr {
	case unix.SYS_WRITE:
		pieces = t.call.Regions
	case unix.SYS_SENDTO:
		if args[3]&^harmless != 0 || args[4] != 0 {
			return nil, 0, false
		}
		pieces = t.call.Regions
	case unix.SYS_WRITEV:
		if len(t.call.Regions) > 0 {
			pieces = t.call.Regions[1:] // behind the vector
		}
	}
	for i := range pieces {
		if pieces[i].Avail < pieces[i].Len {
			return nil, 0, false
		}
		total += pieces[i].Len
	}
	return pieces, total, total > 0
}

// sendPart sends the next part of the call, behind the bytes that have been moved.
func (t *task) sendPart(from uint64) {
	pieces, total, ok := t.sent()
	if !ok || from >= total { // another task has changed the vector
		t.memoryGone(from)
		return
	}
	size := t.g.parts[int32(t.call.Args[0])]
	if size == 0 {
		size = firstPart // home knows of the parts from another node
	}
	size = min(size, total-from)
	payload := make([]byte, 0, size)
	for at := uint64(0); uint64(len(payload)) < size && len(pieces) > 0; pieces = pieces[1:] {
		piece := &pieces[0]
		if skip := from + uint64(len(payload)) - at; skip < piece.Len {
			n := min(piece.Len-skip, size-uint64(len(payload)))
			payload = payload[:uint64(len(payload))+n]
			if _, err := t.g.mem.ReadAt(payload[uint64(len(payload))-n:], piece.Addr+abi.Addr(skip)); err != nil {
				t.memoryGone(from)
				return
			}
		}
		at += piece.Len
	}
	m := wire.Call{Call: t.part(size), Mask: t.callMask(t.row, &t.call.Args), From: from}
	if from+size < total {
		m.Flags = wire.Part
	}
	seq, err := t.g.x.link.SendNumbered(t.header(wire.TypeCall), &m, payload)
	if err != nil {
		t.g.x.end(err)
	}
	t.seq, t.inParts = seq, true
}

// memoryGone ends a call whose memory another task has taken away meanwhile, or has home
// say what comes of it.
func (t *task) memoryGone(moved uint64) {
	t.g.mem.forget()
	t.inParts = false
	if moved > 0 {
		t.finish(int64(moved))
	} else {
		t.sendWhole(t.call.Nr, t.regs.Args(), t.regs.Args())
	}
}

// part is a call that moves bytes as the task's own one does.
func (t *task) part(size uint64) abi.Call {
	const at = abi.PageSize // wherever they come from
	c := abi.Call{
		Nr: unix.SYS_WRITE, Args: [6]uint64{t.call.Args[0], at, size},
		Regions: []abi.Region{{Addr: at, Len: size, Avail: size, Dir: abi.In, At: abi.Pointer{Region: -1, Offset: 1}}},
	}
	if t.call.Nr == unix.SYS_SENDTO {
		c.Nr, c.Args[3] = unix.SYS_SENDTO, t.call.Args[3]
	}
	return c
}

// takeParts goes on as home says about parts. It reports false if that was the outcome of
// the call.
func (t *task) takeParts(m *wire.Reply) bool {
	fd := int32(t.call.Args[0])
	switch {
	case m.Flags&wire.More != 0:
		t.sendPart(uint64(m.Ret))
		return true
	case m.Flags&wire.Whole != 0:
		delete(t.g.parts, fd)
		t.inParts = false
		t.sendWhole(t.call.Nr, t.regs.Args(), t.regs.Args())
		return true
	case m.Flags&wire.Parts != 0:
		if t.g.parts == nil {
			t.g.parts = map[int32]uint64{}
		}
		t.g.parts[fd] = max(leastPart, uint64(max(m.Ret, 0))/2)
	}
	t.inParts = false
	return false
}
