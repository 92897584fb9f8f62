package abi

import "golang.org/x/sys/unix"

// WaitCode is the code with which an interrupted call ends that does nothing but wait, if
// it is restarted by being made again: with a signal that is handled it ends with EINTR,
// or as SA_RESTART says (man 7 signal). ok is false for all others.
func WaitCode(nr uint64, args *[6]uint64) (code int64, ok bool) {
	const limitArg = 3
	row := Lookup(nr)
	switch {
	case row == nil || row.Timeout.Relative(args) || nr == unix.SYS_FUTEX && !futexWaits(args[1]):
		return 0, false
	case nr == unix.SYS_FUTEX && args[limitArg] == 0:
		return RestartSys, true
	case nr == unix.SYS_FUTEX || row.OnlyWaits():
		return RestartHand, true
	}
	return 0, false
}

// OnlyWaits tells whether the call does nothing but wait: a signal that is handled ends it,
// whatever SA_RESTART says (man 7 signal).
func (r *Row) OnlyWaits() bool {
	return r.Interrupt&Restarts == 0 && r.Interrupt&(NoHand|RestartBlock|RawEINTR) != 0
}
