package deputy

import (
	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/wire"
)

// A large write to a descriptor that does not wait and has room for less is sent in parts
// (remote/parts.go). Each of them is a call of its own here; the program sees the sum. If
// it comes home between two parts it goes on with the rest there: a short count would tell
// it that there is no room, and it might wait until there is.

// worthParts is how large a write is that need not be sent as a whole, in bytes.
const worthParts = 128 << 10

// hasParts tells whether a call may be a part of another one.
func hasParts(nr uint64) bool { return nr == unix.SYS_WRITE || nr == unix.SYS_SENDTO }

// partial is what makes a call one of several that are one to the program.
type partial struct {
	before int64 // bytes that earlier ones have moved
	others bool  // more follow
	flags  wire.ReplyFlags
}

// isPart tells whether the call is one of several that are one to the program.
func (p *partial) isPart() bool { return p.others || p.before > 0 }

// sentBytes is how many bytes the call is to send or write, if it may go in parts.
func (c *call) sentBytes() (n uint64) {
	switch c.plan.Nr {
	case unix.SYS_WRITE, unix.SYS_SENDTO:
		return c.plan.Args[2]
	case unix.SYS_WRITEV:
		for i := range c.plan.Regions {
			if i > 0 {
				n += c.plan.Regions[i].Len
			}
		}
	}
	return n
}

// noteParts sees what comes of a call that is a part, or might have been one.
func (c *call) noteParts(ret int64) {
	size, moved := int64(c.sentBytes()), c.moved+max(ret, 0)
	switch {
	case c.flags&wire.Whole != 0 || c.original:
	case c.others && moved == size:
		c.flags = wire.More
	case size >= worthParts && moved < size && (moved > 0 || ret == -int64(unix.EAGAIN)) && c.takesParts(true):
		c.flags = wire.Parts
	}
}

// takesParts tells whether the descriptor that the call writes to is a stream: one whose
// bytes have no borders and may be written in several calls. If it must not wait, either,
// the call says so or the descriptor.
func (c *call) takesParts(nonblocking bool) bool {
	fd, err := c.b.borrow(int(int32(c.plan.Args[0])))
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var s unix.Stat_t
	if unix.Fstat(fd, &s) != nil {
		return false
	}
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFIFO:
	case unix.S_IFSOCK:
		if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
			return false
		}
		if c.plan.Nr == unix.SYS_SENDTO && c.plan.Args[3]&unix.MSG_DONTWAIT != 0 {
			return true
		}
	default:
		return false
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && (!nonblocking || flags&unix.O_NONBLOCK != 0)
}

// borrow is a descriptor of the process as one of this program, for a moment.
func (b *body) borrow(fd int) (int, error) {
	pidfd, err := unix.PidfdOpen(int(b.pid), 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(pidfd)
	return unix.PidfdGetfd(pidfd, fd, 0)
}

// goOnWithRest has a task that has come home in mid-call, of which some bytes have been
// moved, go on with the others there. It tells whether there are any. On the tracer's thread.
func (t *task) goOnWithRest(moved int64) bool {
	r := &t.user.Regs
	plan, row, refusal := abi.Plan(uint64(r.Nr()), r.Args(), t.b.mem)
	c := &call{b: t.b, t: t, plan: plan, row: row, nr: plan.Nr, whole: plan.Args, original: true, mask: t.user.Mask}
	rest, ok := c.after(moved)
	if refusal != "" || !ok {
		r.SetResult(moved)
		return false
	}
	c.args, c.moved = rest, moved
	t.setCall(c)
	return true
}
