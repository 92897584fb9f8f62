package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"umosix/wire/gossip"
)

// standardSpeed is the speed of the standard processor; until nodes are measured
// all are equal.
const standardSpeed = 10000

// local is what this node says about itself.
func (d *daemon) local() gossip.Local {
	total, free := memory()
	l := gossip.Local{
		Flags: gossip.Flags(d.flags.Load()), Speed: standardSpeed, CPUs: uint16(runtime.NumCPU()),
		MemTotal: total, MemFree: free,
		Guests: clamp(d.host.Count()), Away: clamp(d.jobs.Away()),
	}
	if d.conf.Speed != 0 {
		l.Speed = d.conf.Speed
	}
	if !l.Flags.Has(gossip.Quiet) {
		l.Load = load()
	}
	return l
}

func clamp(n int) uint16 { return uint16(min(n, 1<<16-1)) }

// memory reads /proc/meminfo: bytes in all, and available without paging.
func memory() (total, free uint64) {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseUint(fields[1], 10, 54)
		switch fields[0] {
		case "MemTotal:":
			total = kib << 10
		case "MemAvailable:":
			free = kib << 10
		}
	}
	return total, free
}

// load is the average of the last minute in /proc/loadavg, times 100.
func load() uint32 {
	text, _ := os.ReadFile("/proc/loadavg")
	word, _, _ := strings.Cut(string(text), " ")
	average, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return 0
	}
	return uint32(100 * average)
}
