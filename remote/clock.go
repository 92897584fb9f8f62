package remote

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/image"
	"umosix/wire"
	"umosix/wire/link"
)

// clockRounds is how often home is asked for its clocks; the quickest answer counts.
const clockRounds = 5

// offset is how far home's clocks are ahead of this node's, in nanoseconds.
type offset struct {
	monotonic, boottime int64
	wall                int64 // of this node's wall clock as its kernel shows it
	otherWall           bool  // home's wall clock is another one than this node's
}

// compareClocks finds out how far home's clocks are ahead. The error is at most
// half the round trip of the quickest answer.
func (x *Executor) compareClocks() (best offset, err error) {
	quickest := int64(1<<63 - 1)
	for range clockRounds {
		asked := x.clocks()
		if err := x.link.Send(wire.Header{Type: wire.TypeClock}, &image.Clock{}); err != nil {
			return best, err
		}
		f, err := x.link.Receive()
		if err != nil {
			return best, err
		}
		told := x.clocks()
		var home image.Clock
		if f.Type != wire.TypeClock {
			return best, fmt.Errorf("the deputy answers %v when asked for the time", f.Type)
		}
		if err := f.Decode(&home); err != nil {
			return best, err
		}
		if trip := told.Monotonic - asked.Monotonic; trip < quickest {
			quickest = trip
			best = offset{monotonic: home.Monotonic - asked.Monotonic - trip/2, boottime: home.Boottime - asked.Boottime - trip/2}
			// Never ahead of home's: what a program has seen here is past when it is home.
			best.wall = home.Realtime - told.Realtime
		}
	}
	best.otherWall = best.wall < -quickest || best.wall > quickest
	best.wall += x.start.FalseClock // told was read with it
	return best.orNone(quickest), nil
}

// orNone is no offset of a clock if the clocks agree as far as can be told: two
// daemons on one machine must not make its clocks differ.
func (o offset) orNone(trip int64) offset {
	if within := max(trip, int64(time.Millisecond)); o.monotonic > -within && o.monotonic < within && o.boottime > -within && o.boottime < within {
		o.monotonic, o.boottime = 0, 0
	}
	if !o.otherWall {
		o.wall = 0
	}
	return o
}

// now is home's clocks now; zero if they are this node's.
func (o offset) now() image.Clock {
	if o.monotonic == 0 && o.boottime == 0 {
		return image.Clock{}
	}
	c := localClocks()
	return image.Clock{Monotonic: c.Monotonic + o.monotonic, Boottime: c.Boottime + o.boottime}
}

// clockPace is how often an executor compares its wall clock with home's: clocks drift
// apart by a tenth of a millisecond in a second at most (they are steered no faster).
const clockPace = 2 * time.Second

// followClock keeps asking home for the time while its wall clock is another one.
func (x *Executor) followClock() {
	if !x.ahead.otherWall {
		return
	}
	for range time.Tick(clockPace) {
		x.tracer.Post(func() {
			x.asked = localClock(unix.CLOCK_REALTIME)
			x.send(wire.Header{Type: wire.TypeClock}, &image.Clock{})
		})
		if x.link.Err() != nil {
			return
		}
	}
}

// hearClock takes home's answer.
func (x *Executor) hearClock(f *link.Frame) error {
	var home image.Clock
	if err := f.Decode(&home); err != nil {
		return err
	}
	least, most := home.Realtime-localClock(unix.CLOCK_REALTIME), home.Realtime-x.asked
	if ahead := within(x.ahead.wall, least, most); x.asked != 0 && ahead != x.ahead.wall {
		x.setWall(ahead)
	}
	return nil
}

// notSetBack has home's wall clock be at least what an arriving process was told before it
// was stopped: the offset may have been measured on slow ways.
func (x *Executor) notSetBack(told int64) {
	if least := told - localClock(unix.CLOCK_REALTIME); x.ahead.otherWall && least > x.ahead.wall {
		x.setWall(least)
	}
}

// within is the offset of a wall clock that keeps between the bounds: no sooner than home
// can have told the time, and no later. Only a little of it is taken back at a time.
func within(ahead, least, most int64) int64 {
	const back = int64(5 * time.Millisecond)
	return max(least, min(ahead, most), ahead-back)
}

// setWall changes how far home's wall clock is ahead. If it is less than before, the
// guests stand still for the difference: no program sees its clock set back.
func (x *Executor) setWall(ahead int64) {
	var stopped []*task
	for _, g := range x.guests {
		for _, t := range g.tasks {
			if g.stage == alive && t.state == running && t.halt() && t.state == running {
				stopped = append(stopped, t)
			}
		}
	}
	time.Sleep(time.Duration(x.ahead.wall - ahead))
	x.ahead.wall = ahead
	for _, g := range x.guests {
		if g.loop != nil {
			g.loop.SetWall(ahead)
		}
	}
	for _, t := range stopped {
		if t.g.stage == alive && t.state == running {
			t.cont(0)
		}
	}
}

// clocks are this node's clocks, as false as a test wants them.
func (x *Executor) clocks() image.Clock {
	c := localClocks()
	c.Realtime += x.start.FalseClock
	return c
}

func localClocks() (c image.Clock) {
	for _, r := range []struct {
		id int32
		to *int64
	}{{unix.CLOCK_MONOTONIC, &c.Monotonic}, {unix.CLOCK_BOOTTIME, &c.Boottime}, {unix.CLOCK_REALTIME, &c.Realtime}} {
		*r.to = localClock(r.id)
	}
	return c
}

// localClock reads a clock, in nanoseconds.
func localClock(id int32) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		panic("remote: clock_gettime: " + err.Error())
	}
	return ts.Nano()
}
