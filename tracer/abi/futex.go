package abi

import "encoding/binary"

// futexBitset and anyBit make a futex wait that ends at a moment instead of after
// a while (man 2 futex, FUTEX_WAIT_BITSET).
const (
	futexBitset = 9
	futexOp     = 0x7f
	anyBit      = 0xffffffff
)

// futexWaits tells whether a futex operation waits until it is woken up, and may end with
// EINTR before (man 2 futex).
func futexWaits(op uint64) bool {
	const wait = 0
	return op&futexOp == wait || op&futexOp == futexBitset
}

// FutexByWallClock tells whether a futex operation is limited by a moment of the wall
// clock (man 2 futex). FUTEX_LOCK_PI always is; FUTEX_WAIT has a duration.
func FutexByWallClock(op uint64) bool {
	const lockPI, waitRequeuePI, lockPI2, clockRealtime = 6, 11, 13, 0x100
	switch op & futexOp {
	case lockPI:
		return true
	case futexBitset, waitRequeuePI, lockPI2:
		return op&clockRealtime != 0
	}
	return false
}

// FutexHoldsTid tells whether the kernel writes the number of a task into the word of a
// futex, or compares it (man 2 futex, priority-inheritance futexes).
func FutexHoldsTid(op uint64) bool {
	const lockPI, unlockPI, trylockPI, waitRequeuePI, cmpRequeuePI, lockPI2 = 6, 7, 8, 11, 12, 13
	switch op & futexOp {
	case lockPI, unlockPI, trylockPI, waitRequeuePI, cmpRequeuePI, lockPI2:
		return true
	}
	return false
}

// FutexUntil is FUTEX_WAIT with the given arguments, limited by the moment that
// the words at limit say instead of by a duration.
func FutexUntil(args [6]uint64, limit Addr) [6]uint64 {
	return [6]uint64{args[0], args[1]&^futexOp | futexBitset, args[2], uint64(limit), 0, anyBit}
}

// TimespecOf lays out a time in nanoseconds as struct timespec.
func TimespecOf(ns int64) (words [16]byte) {
	binary.LittleEndian.PutUint64(words[:], uint64(ns/1e9))
	binary.LittleEndian.PutUint64(words[8:], uint64(ns%1e9))
	return words
}
