package image

import (
	"encoding/binary"
	"time"
)

// CPUTime is processor time, in nanoseconds.
type CPUTime struct{ User, System int64 }

// CPUTimeOf is the time in the first four words of a struct rusage (man getrusage): seconds and
// microseconds of user time, and of system time.
func CPUTimeOf(w [4]int64) CPUTime {
	const second, microsecond = 1e9, 1e3
	return CPUTime{User: w[0]*second + w[1]*microsecond, System: w[2]*second + w[3]*microsecond}
}

// Plus is the sum.
func (c CPUTime) Plus(d CPUTime) CPUTime { return CPUTime{c.User + d.User, c.System + d.System} }

// Total is what both kinds are together.
func (c CPUTime) Total() int64 { return c.User + c.System }

// AddToRusage adds to a struct rusage (man getrusage), which must be whole.
func (c CPUTime) AddToRusage(b []byte) {
	AddTime(b, c.User, time.Microsecond)
	AddTime(b[16:], c.System, time.Microsecond)
}

// AddToTicks adds to user and system time of a struct tms, or to those of its children, in
// units of USER_HZ (man times).
func (c CPUTime) AddToTicks(b []byte) {
	const tick = int64(time.Second / 100)
	for i, more := range []int64{c.User / tick, c.System / tick} {
		at := b[8*i:]
		binary.LittleEndian.PutUint64(at, binary.LittleEndian.Uint64(at)+uint64(more))
	}
}

// AddTime adds nanoseconds to a struct timeval or timespec, whose second field counts units.
func AddTime(at []byte, more int64, unit time.Duration) {
	perSecond := int64(time.Second / unit)
	sum := int64(binary.LittleEndian.Uint64(at))*perSecond + int64(binary.LittleEndian.Uint64(at[8:])) + more/int64(unit)
	binary.LittleEndian.PutUint64(at, uint64(sum/perSecond))
	binary.LittleEndian.PutUint64(at[8:], uint64(sum%perSecond))
}
