package abi

import (
	"encoding/binary"
	"math"
	"time"
)

// TimeUnit is how a call is told its time limit.
type TimeUnit uint8

// The units of a limit. NoTimeout is the zero value.
const (
	NoTimeout TimeUnit = iota
	Millis             // an int of milliseconds; negative is for ever
	Timespec           // pointer to seconds and nanoseconds; null is for ever
	Timeval            // pointer to seconds and microseconds; null is for ever
)

// Timeout says where the time limit of a call stands.
type Timeout struct {
	Unit     TimeUnit
	Arg      uint8 // 0..5
	Absolute bool  // a moment, not a duration: the call can simply be made again
	Writes   bool  // the kernel leaves the remaining time where the limit was
	relative func(args *[6]uint64) bool
}

// Relative reports whether the call with these arguments is limited by a duration,
// so that it must be made again with the rest of it.
func (t Timeout) Relative(args *[6]uint64) bool {
	switch {
	case t.Unit == NoTimeout || t.Absolute:
		return false
	case t.relative != nil && !t.relative(args):
		return false
	case t.Unit == Millis:
		return int32(args[t.Arg]) >= 0
	}
	return args[t.Arg] != 0
}

// Size is the number of bytes that the argument of t points to; 0 for Millis.
func (t Timeout) Size() int {
	if t.Unit == Timespec || t.Unit == Timeval {
		return 16
	}
	return 0
}

// Read is the duration that limits the call. ok is false if there is none, if it
// cannot be read, or if the kernel would refuse it.
func (t Timeout) Read(args *[6]uint64, mem Memory) (limit time.Duration, ok bool) {
	if !t.Relative(args) {
		return 0, false
	}
	if t.Unit == Millis {
		return time.Duration(int32(args[t.Arg])) * time.Millisecond, true
	}
	var words [16]byte
	if n, err := mem.ReadAt(words[:], Addr(args[t.Arg])); err != nil || n < len(words) {
		return 0, false
	}
	return t.decode(words[:])
}

// decode reads a timespec or timeval. Limits beyond 292 years are cut.
func (t Timeout) decode(words []byte) (time.Duration, bool) {
	sec := int64(binary.LittleEndian.Uint64(words))
	frac := int64(binary.LittleEndian.Uint64(words[8:]))
	unit := int64(1)
	if t.Unit == Timeval {
		unit = 1000
	}
	if sec < 0 || frac < 0 || frac >= int64(time.Second)/unit {
		return 0, false
	}
	if sec >= math.MaxInt64/int64(time.Second) {
		return math.MaxInt64, true
	}
	return time.Duration(sec)*time.Second + time.Duration(frac*unit), true
}

// Rest is what the call must be given to end after left: the argument's new value
// for Millis, else the bytes that its argument must point to. A rest is rounded up,
// so that no limit is shortened.
func (t Timeout) Rest(left time.Duration) (arg uint64, words [16]byte) {
	left = max(left, 0)
	switch t.Unit {
	case Millis:
		return uint64(min((left+time.Millisecond-1)/time.Millisecond, math.MaxInt32)), words
	case Timeval:
		left = min(left, math.MaxInt64-time.Microsecond) + time.Microsecond - 1
		binary.LittleEndian.PutUint64(words[:], uint64(left/time.Second))
		binary.LittleEndian.PutUint64(words[8:], uint64(left%time.Second/time.Microsecond))
	case Timespec:
		binary.LittleEndian.PutUint64(words[:], uint64(left/time.Second))
		binary.LittleEndian.PutUint64(words[8:], uint64(left%time.Second))
	}
	return 0, words
}
