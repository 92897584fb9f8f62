package deputy

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/snapshot"
)

// unbroken is a call of a program at home, traced from its start, that signals
// interrupt which the program takes no notice of. Untraced it would go on; so it is
// made again with the rest of its time.
type unbroken struct {
	at       abi.Addr
	rest     uint64    // the limit that it was given last
	deadline time.Time // fixed at the first interruption
}

// slack is how long after its deadline a call may still be the same one.
const slack = 10 * time.Millisecond

// takeUp changes the registers of an interrupted call so that it can be made again.
// It reports false for a call whose limit cannot be changed there: one in memory of
// the program, or the one of a socket. With its whole limit it might never end.
func (u *unbroken) takeUp(r *tracer.Regs) bool {
	row, args := abi.Lookup(uint64(r.Nr())), r.Args()
	switch {
	case row == nil || row.Interrupt&abi.Restarts != 0: // it restarts by itself, but for a socket's limit
		return false
	case !row.Timeout.Relative(&args):
		return true
	case row.Timeout.Size() != 0:
		return false
	}
	now, arg := time.Now(), &args[row.Timeout.Arg]
	if u.at != r.PC() || u.rest != *arg || now.After(u.deadline.Add(slack)) {
		limit, _ := row.Timeout.Read(&args, nil)
		*u = unbroken{at: r.PC(), deadline: now.Add(limit)}
	}
	u.rest, _ = row.Timeout.Rest(u.deadline.Sub(now))
	*arg = u.rest
	r.SetArgs(args)
	return true
}

// isShort tells whether a task was stopped in a call that has moved some of its bytes and
// would have gone on.
func isShort(r *tracer.Regs) bool {
	if r.Nr() < 0 || r.Result() <= 0 {
		return false
	}
	row, args := abi.Lookup(uint64(r.Nr())), r.Args()
	if row == nil || !row.MustGoOn(&args) {
		return false
	}
	switch row.Nr {
	case unix.SYS_WRITE, unix.SYS_SENDTO, unix.SYS_RECVFROM:
		return uint64(r.Result()) < args[2]
	case unix.SYS_SENDFILE:
		return uint64(r.Result()) < args[3]
	}
	return true // as far as registers tell
}

// goOnHere has a program at home go on with such a call: it is parked before it sees the
// short count, and landed at once. One that cannot be parked sees it. On the tracer's thread.
func (b *body) goOnHere(t *task, sig int) error {
	if snapshot.Movable(&snapshot.Subject{LocalPid: abi.LocalPid(b.pid)}) != "" {
		return t.k.Cont(sig)
	}
	if err := errors.Join(t.k.Interrupt(), t.k.Cont(sig)); err != nil {
		return err
	}
	stop, err := t.k.AwaitStop(time.Now().Add(stopLimit))
	switch {
	case err != nil:
		return err
	case stop.Kind == tracer.StopGroup: // it stops, too: its end takes long enough
		return t.k.Listen()
	}
	t.stands = true
	defer b.d.forget(b)
	failed := b.park()
	if b.now() == parked {
		return errors.Join(failed, b.land())
	}
	return errors.Join(failed, t.start())
}
