package deputy

import (
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// fixDeadline notes when a call ends that has to be made again after each
// interruption. In a session, or while the body is stopped.
func (c *call) fixDeadline() {
	if c.row == nil || !c.losesTime() || !c.deadline.IsZero() {
		return
	}
	if c.row.Timeout.Writes { // what the kernel has left there counts from now on
		c.since = time.Now()
	}
	limit, ok := c.row.Timeout.Read(&c.args, c.b.mem)
	if events, option := socketWait(c.plan.Nr); !ok && events != 0 {
		if limit = c.t.socketLimit(c.plan.Args[0], option); limit > 0 {
			c.events, ok = events, true
		}
	}
	if ok && limit < 1<<62 {
		c.deadline = c.since.Add(limit)
	}
}

// losesTime tells whether an interruption makes the call forget when it ends, or
// makes its limit stand still while the body is stopped (select and its like).
func (c *call) losesTime() bool {
	return c.row.Interrupt&abi.RawEINTR != 0 || c.row.Timeout.Writes
}

// mustRenew tells whether an interrupted call must be made again with the time that
// remains: the kernel would not, or would count from where it was interrupted.
func (c *call) mustRenew(code int64) bool {
	return code == rawInterrupted || code == restartNoHand && (c.polling || c.row != nil && c.row.Timeout.Writes)
}

// remaining is the call as it must be made after an interruption, so that it ends
// at its deadline. A socket call, whose limit is the socket's own, becomes a wait
// for the socket first.
func (c *call) remaining(nr uint64, args [6]uint64) (uint64, [6]uint64) {
	if c.deadline.IsZero() {
		return nr, args
	}
	left := time.Until(c.deadline)
	buffers, at := c.t.slot.Buffers()
	if c.events != 0 {
		pollfd := buffers[limitOffset+32 : limitOffset+40]
		binary.LittleEndian.PutUint32(pollfd, uint32(c.plan.Args[0]))
		binary.LittleEndian.PutUint32(pollfd[4:], uint32(c.events))
		_, words := abi.Timeout{Unit: abi.Timespec}.Rest(left)
		copy(buffers[limitOffset:], words[:])
		c.polling = true
		return unix.SYS_PPOLL, [6]uint64{uint64(at) + limitOffset + 32, 1, uint64(at) + limitOffset}
	}
	arg, words := c.row.Timeout.Rest(left)
	if c.row.Timeout.Writes {
		c.b.mem.WriteAt(words[:], abi.Addr(args[c.row.Timeout.Arg]))
		return nr, args
	}
	if c.row.Timeout.Size() == 0 {
		args[c.row.Timeout.Arg] = arg
		return nr, args
	}
	copy(buffers[limitOffset:], words[:])
	args[c.row.Timeout.Arg] = uint64(at) + limitOffset
	return nr, args
}

// hurry gives a call no time for which signals wait that it lets in: what is there already
// comes before them (fs/select.c, fs/eventpoll.c). One that does not wait, or that fails,
// stays as it is.
func (c *call) hurry() {
	if c.row == nil || c.row.Timeout.Unit == abi.NoTimeout {
		return
	}
	limit, ok := c.row.Timeout.Read(&c.args, c.b.mem)
	if c.row.Timeout.Relative(&c.args) && (!ok || limit == 0 && c.row.Interrupt&abi.RawEINTR != 0) {
		return
	}
	arg := &c.args[c.row.Timeout.Arg]
	if *arg = 0; c.row.Timeout.Size() > 0 {
		buffers, at := c.t.slot.Buffers()
		clear(buffers[limitOffset:][:c.row.Timeout.Size()])
		*arg = uint64(at) + limitOffset
	}
	c.woken = true
}

// polled turns the end of a wait for a socket into that of the call itself. It
// reports false if the call has now begun.
func (c *call) polled(ret int64) (int64, bool) {
	if !c.polling {
		return ret, true
	}
	c.polling = false
	switch {
	case ret > 0:
		c.t.slot.Start(c.plan.Nr, c.socketArgs())
		return 0, false
	case ret == 0:
		return -int64(unix.EAGAIN), true
	}
	return rawInterrupted, true // of a call with a limit (man 7 signal)
}

// socketArgs are the arguments of the call itself.
func (c *call) socketArgs() [6]uint64 {
	if c.moved > 0 {
		if args, ok := c.after(c.moved); ok {
			return args
		}
	}
	return c.whole
}

// socketWait says what a socket call waits for, and which option limits it.
func socketWait(nr uint64) (events int16, option uint64) {
	switch nr {
	case unix.SYS_READ, unix.SYS_READV, unix.SYS_RECVFROM, unix.SYS_RECVMSG, unix.SYS_RECVMMSG, unix.SYS_ACCEPT, unix.SYS_ACCEPT4:
		return unix.POLLIN, unix.SO_RCVTIMEO
	case unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG:
		return unix.POLLOUT, unix.SO_SNDTIMEO
	}
	return 0, 0
}

// socketLimit asks for a socket's own time limit; 0 is none.
func (t *task) socketLimit(fd, option uint64) time.Duration {
	value, ok := t.socketOption(fd, option)
	if !ok {
		return 0
	}
	sec, usec := binary.LittleEndian.Uint64(value[:]), binary.LittleEndian.Uint64(value[8:])
	return time.Duration(sec)*time.Second + time.Duration(usec)*time.Microsecond
}

// isStream tells whether a descriptor is a socket without records (SOCK_STREAM).
func (t *task) isStream(fd uint64) bool {
	value, ok := t.socketOption(fd, unix.SO_TYPE)
	return ok && binary.LittleEndian.Uint32(value[:]) == unix.SOCK_STREAM
}

// forgetsError takes away a socket's error, and tells that it is a socket: recvmmsg,
// when it is interrupted after its first message, leaves the interruption there for the
// next call to end with.
func (t *task) forgetsError(fd uint64) bool {
	_, ok := t.socketOption(fd, unix.SO_ERROR)
	return ok
}

// socketOption asks for an option of SOL_SOCKET of at most the size of a timeval. The
// task is stopped.
func (t *task) socketOption(fd, option uint64) (value [16]byte, ok bool) {
	own := t.in == nil
	if own && t.beginSession() != nil {
		return value, false
	}
	buffers, at := t.slot.Buffers()
	room := buffers[limitOffset+64 : limitOffset+96]
	clear(room)
	room[len(value)] = byte(len(value))
	where := uint64(at) + limitOffset + 64
	ret, err := t.in.Call(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, option, where, where+uint64(len(value)))
	if own {
		err = errors.Join(err, t.endSession())
	}
	copy(value[:], room)
	return value, err == nil && ret == 0
}
