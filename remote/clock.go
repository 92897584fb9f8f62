package remote

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/image"
	"umosix/wire"
)

// clockRounds is how often home is asked for its clocks; the quickest answer counts.
const clockRounds = 5

// offset is how far home's clocks are ahead of this node's, in nanoseconds.
type offset struct{ monotonic, boottime int64 }

// compareClocks finds out how far home's clocks are ahead. The error is at most
// half the round trip of the quickest answer.
func (x *Executor) compareClocks() (best offset, err error) {
	quickest := int64(1<<63 - 1)
	for range clockRounds {
		asked := localClocks()
		if err := x.link.Send(wire.Header{Type: wire.TypeClock}, &image.Clock{}); err != nil {
			return best, err
		}
		f, err := x.link.Receive()
		if err != nil {
			return best, err
		}
		told := localClocks()
		var home image.Clock
		if f.Type != wire.TypeClock {
			return best, fmt.Errorf("the deputy answers %v when asked for the time", f.Type)
		}
		if err := f.Decode(&home); err != nil {
			return best, err
		}
		if trip := told.Monotonic - asked.Monotonic; trip < quickest {
			quickest = trip
			best = offset{home.Monotonic - asked.Monotonic - trip/2, home.Boottime - asked.Boottime - trip/2}
		}
	}
	return best.orNone(quickest), nil
}

// orNone is no offset at all if the clocks agree as far as can be told: two
// daemons on one machine must not make its clocks differ.
func (o offset) orNone(trip int64) offset {
	if within := max(trip, int64(time.Millisecond)); o.monotonic > -within && o.monotonic < within && o.boottime > -within && o.boottime < within {
		return offset{}
	}
	return o
}

// now is home's clocks now; zero if they are this node's.
func (o offset) now() image.Clock {
	if o == (offset{}) {
		return image.Clock{}
	}
	c := localClocks()
	return image.Clock{Monotonic: c.Monotonic + o.monotonic, Boottime: c.Boottime + o.boottime}
}

func localClocks() (c image.Clock) {
	for _, r := range []struct {
		id int32
		to *int64
	}{{unix.CLOCK_MONOTONIC, &c.Monotonic}, {unix.CLOCK_BOOTTIME, &c.Boottime}} {
		var ts unix.Timespec
		if err := unix.ClockGettime(r.id, &ts); err != nil {
			panic("remote: clock_gettime: " + err.Error())
		}
		*r.to = ts.Nano()
	}
	return c
}
