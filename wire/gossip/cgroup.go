package gossip

import (
	"path"
	"strconv"
	"strings"
)

// cgroupLimits are what the control groups of this process allow; 0 means no
// limit.
type cgroupLimits struct {
	cpus         int    // whole CPUs, rounded up
	memory, used uint64 // bytes, of the tightest group; used without cached files
}

// readCgroup takes the tightest limit from this process's group up to the root
// (Documentation/admin-guide/cgroup-v2.rst: cpu.max, memory.max). Where there is
// no such hierarchy there is no limit.
func (s *procSampler) readCgroup() cgroupLimits {
	var l cgroupLimits
	text, err := s.read("proc/self/cgroup")
	if err != nil {
		return l
	}
	for line := range strings.Lines(text) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		for group = path.Clean("/" + group); ; group = path.Dir(group) {
			l.tighten(s, "sys/fs/cgroup"+group)
			if group == "/" {
				break
			}
		}
	}
	return l
}

// tighten takes the limits of one group into account.
func (l *cgroupLimits) tighten(s *procSampler, dir string) {
	if text, err := s.read(path.Join(dir, "cpu.max")); err == nil {
		if n := quotaCPUs(text); n > 0 && (l.cpus == 0 || n < l.cpus) {
			l.cpus = n
		}
	}
	text, err := s.read(path.Join(dir, "memory.max"))
	if err != nil {
		return
	}
	limit, err := strconv.ParseUint(text, 10, 63)
	if err != nil || limit == 0 || l.memory != 0 && limit >= l.memory {
		return // "max"
	}
	text, _ = s.read(path.Join(dir, "memory.current"))
	used, _ := strconv.ParseUint(text, 10, 63)
	text, _ = s.read(path.Join(dir, "memory.stat"))
	l.memory, l.used = limit, used-min(used, cachedFiles(text))
}

// cachedFiles is how much of a group's memory the kernel can take back by dropping
// pages of files, in bytes.
func cachedFiles(stat string) (sum uint64) {
	for line := range strings.Lines(stat) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "active_file" || name == "inactive_file" {
			n, _ := strconv.ParseUint(value, 10, 62)
			sum += n
		}
	}
	return sum
}

// quotaCPUs reads "QUOTA PERIOD" or "max PERIOD", in microseconds.
func quotaCPUs(text string) int {
	quota, period, _ := strings.Cut(text, " ")
	q, err1 := strconv.ParseUint(quota, 10, 40)
	p, err2 := strconv.ParseUint(period, 10, 40)
	if err1 != nil || err2 != nil || p == 0 {
		return 0
	}
	return int(max(1, (q+p-1)/p))
}
