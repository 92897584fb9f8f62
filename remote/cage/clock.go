package cage

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"umosix/tracer/image"
)

// clockOffset is how far home's clocks are ahead of the node's, in nanoseconds.
type clockOffset struct {
	monotonic, boottime int64
	known               bool
}

// offsetFrom compares home's clocks, as they are now, with the node's.
func offsetFrom(home image.Clock) clockOffset {
	if home == (image.Clock{}) {
		return clockOffset{}
	}
	return clockOffset{
		monotonic: home.Monotonic - clockNow(unix.CLOCK_MONOTONIC),
		boottime:  home.Boottime - clockNow(unix.CLOCK_BOOTTIME),
		known:     true,
	}
}

func clockNow(clock int32) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		panic(fmt.Sprintf("cage: clock %d: %v", clock, err))
	}
	return ts.Nano()
}

// text is the content of /proc/PID/timens_offsets (man time_namespaces). The
// kernel wants nanoseconds from 0 to 999999999, so seconds are rounded down.
func (o clockOffset) text() string {
	line := func(name string, ns int64) string {
		sec, rest := ns/1e9, ns%1e9
		if rest < 0 {
			sec, rest = sec-1, rest+1e9
		}
		return fmt.Sprintf("%s %d %d\n", name, sec, rest)
	}
	return line("monotonic", o.monotonic) + line("boottime", o.boottime)
}

// carryClocks gives the children of the first process home's clocks. The offsets
// can be written only from outside, and before the first child. It reports false,
// with a line in the log, where that is impossible.
func (c *Cage) carryClocks(h *hands) bool {
	if !c.home.known {
		return false
	}
	_, err := h.do("time namespace", unix.SYS_UNSHARE, unix.CLONE_NEWTIME)
	if err == nil {
		err = os.WriteFile(fmt.Sprintf("/proc/%d/timens_offsets", c.first.Tid), []byte(c.home.text()), 0)
	}
	if err != nil {
		c.cfg.Log.Warn().Err(err).Msg("guests keep the node's clocks")
	}
	return err == nil
}
