package deputy

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// A call that has moved some of its bytes when we stop its process ends with a
// short count, where it would have gone on natively: many programs take that for
// an error. So the rest is made, too, and the program sees the sum.

// iovecSize is sizeof(struct iovec); in a struct msghdr the vector's address, its
// length and the control data's stand at these offsets.
const (
	iovecSize     = 16
	msghdrSize    = 56
	mmsghdrSize   = 64
	msgVector     = 16
	msgVectorLen  = 24
	msgControl    = 32
	msgControlLen = 40
	maxVector     = 1024 // UIO_MAXIOV
)

// goOnShort changes the registers of a task that was stopped in the call with a short
// count: it is to go on with the rest. It tells whether that is so.
func (c *call) goOnShort(r *tracer.Regs) bool {
	if !c.busy() || c.row == nil || c.polling || c.t.slot.At(r) != tracer.PlaceInCall {
		return false
	}
	args, ok := c.rest(r.Result())
	if ok {
		nr := uint64(r.Nr())
		r.SetArgs(args)
		r.Rewind(nr)
	}
	return ok
}

// rest notes that the call has moved n more bytes and gives the arguments for the
// others. It reports false, and notes nothing, for a call that has not moved just a
// part or is no longer to go on.
func (c *call) rest(n int64) (args [6]uint64, ok bool) {
	if n <= 0 || !c.row.MustGoOn(&c.whole) {
		return args, false
	}
	args, ok = c.after(c.moved + n)
	if ok {
		c.moved += n
	}
	return args, ok
}

// after is the call without its first n bytes; false if nothing is left, or if a
// short count may have been all that there was: the rest might wait for ever.
func (c *call) after(n int64) (args [6]uint64, ok bool) {
	args = c.whole
	count := func(arg int) bool {
		args[arg] -= uint64(n)
		return c.whole[arg] > uint64(n)
	}
	switch c.plan.Nr {
	case unix.SYS_WRITE, unix.SYS_SENDTO:
		args[1] += uint64(n)
		return args, count(2)
	case unix.SYS_SENDFILE:
		return args, count(3) // the kernel keeps the offset itself
	case unix.SYS_WRITEV:
		args[1], args[2], ok = c.vectorAfter(args[1], args[2], uint64(n))
		return args, ok
	case unix.SYS_RECVFROM:
		args[1] += uint64(n)
		return args, count(2) && c.t.isStream(args[0])
	case unix.SYS_RECVMSG:
		args[1], ok = c.messageAfter(args[1], uint64(n))
		return args, ok && c.t.isStream(args[0])
	case unix.SYS_SENDMSG:
		args[1], ok = c.messageAfter(args[1], uint64(n))
		return args, ok
	case unix.SYS_SENDMMSG: // n is a number of messages
		args[1] += uint64(n) * mmsghdrSize
		return args, count(2)
	case unix.SYS_RECVMMSG:
		args[1] += uint64(n) * mmsghdrSize
		return args, count(2) && args[3]&unix.MSG_WAITFORONE == 0 && c.t.forgetsError(args[0])
	}
	return args, false
}

// vectorAfter makes the vector of what is left after n bytes, out of the program's sight.
func (c *call) vectorAfter(at, length, n uint64) (restAt, restLen uint64, ok bool) {
	if length > maxVector {
		return 0, 0, false
	}
	vector := make([]byte, length*iovecSize)
	if _, err := c.b.mem.ReadAt(vector, abi.Addr(at)); err != nil {
		return 0, 0, false
	}
	for ; len(vector) > 0; vector = vector[iovecSize:] {
		size := binary.LittleEndian.Uint64(vector[8:])
		if size > n {
			binary.LittleEndian.PutUint64(vector, binary.LittleEndian.Uint64(vector)+n)
			binary.LittleEndian.PutUint64(vector[8:], size-n)
			break
		}
		n -= size
	}
	buffers, base := c.t.slot.Buffers()
	copy(buffers[vectorOffset:], vector)
	return uint64(base) + vectorOffset, uint64(len(vector) / iovecSize), len(vector) > 0
}

// messageAfter is vectorAfter for a message. Its control data has gone, or has come,
// with the first bytes.
func (c *call) messageAfter(at, n uint64) (restAt uint64, ok bool) {
	buffers, base := c.t.slot.Buffers()
	header := buffers[messageOffset : messageOffset+msghdrSize]
	if _, err := c.b.mem.ReadAt(header, abi.Addr(at)); err != nil {
		return 0, false
	}
	vector, length, ok := c.vectorAfter(binary.LittleEndian.Uint64(header[msgVector:]), binary.LittleEndian.Uint64(header[msgVectorLen:]), n)
	binary.LittleEndian.PutUint64(header[msgVector:], vector)
	binary.LittleEndian.PutUint64(header[msgVectorLen:], length)
	clear(header[msgControl : msgControlLen+8])
	return uint64(base) + messageOffset, ok
}

// sum is what the program sees of a call of which parts were made: like natively,
// an error after some bytes is a short count.
func (c *call) sum(ret int64) int64 {
	if moved := c.before + c.moved; moved > 0 {
		return moved + max(ret, 0)
	}
	return ret
}
