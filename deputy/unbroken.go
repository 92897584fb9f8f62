package deputy

import (
	"time"

	"umosix/tracer"
	"umosix/tracer/abi"
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
