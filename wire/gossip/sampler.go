package gossip

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Sampler measures this node.
type Sampler interface {
	// Sample fills in Load, CPUs, MemTotal, MemFree and Utilisation since the call
	// before; the first call measures since boot. It never blocks for long.
	Sample() (Local, error)
	// MemFree is how many bytes are available now without paging.
	MemFree() (uint64, error)
}

// NewSampler measures by /proc and, as far as this process is limited by them,
// by CPU affinity and control group (version 2).
func NewSampler() Sampler { return newSampler("/") }

// procSampler reads the files below root.
type procSampler struct {
	root string
	cpus func() int // that this process may run on

	mu   sync.Mutex // guards all below
	last cpuTimes
	mean float64 // of runnable processes
}

func newSampler(root string) *procSampler {
	return &procSampler{root: root, cpus: allowedCPUs}
}

// cpuTimes are the sums of /proc/stat, in ticks (man 5 proc_stat).
type cpuTimes struct {
	busy, idle uint64
	runnable   uint64 // now
	cpus       int    // online
}

func (s *procSampler) Sample() (Local, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := s.readStat()
	if err != nil {
		return Local{}, err
	}
	limits := s.readCgroup()
	total, free, err := s.memory(limits)
	if err != nil {
		return Local{}, err
	}
	cpus := min(now.cpus, max(1, s.cpus()))
	if limits.cpus > 0 {
		cpus = min(cpus, limits.cpus)
	}
	share := s.share(now)
	s.note(now, share)
	return Local{
		Load:        uint32(min(s.mean*100+0.5, 1<<31)),
		CPUs:        uint16(min(cpus, 1<<16-1)),
		MemTotal:    total,
		MemFree:     free,
		Utilisation: uint16(share*1000 + 0.5),
	}, nil
}

// MemFree is part of Sampler.
func (s *procSampler) MemFree() (uint64, error) {
	_, free, err := s.memory(s.readCgroup())
	return free, err
}

// memory is that of the machine or of the tightest control group.
func (s *procSampler) memory(limits cgroupLimits) (total, free uint64, err error) {
	total, free, err = s.readMemory()
	if limits.memory > 0 && limits.memory < total {
		total = limits.memory
		free = min(free, total-min(total, limits.used))
	}
	return total, min(free, total), err
}

// share is how much of the CPUs was busy since the last sample, 0 to 1.
func (s *procSampler) share(now cpuTimes) float64 {
	busy, idle := now.busy-min(now.busy, s.last.busy), now.idle-min(now.idle, s.last.idle)
	if busy+idle == 0 {
		return 0
	}
	return float64(busy) / float64(busy+idle)
}

// note takes a sample into the mean. The number of busy CPUs is exact for the
// whole interval; only where all are busy does the number of runnable processes,
// which is of this very moment and counts this process too, say more. The mean
// rises slowly, so that a short burst drives nobody away, and falls faster.
func (s *procSampler) note(now cpuTimes, share float64) {
	running := share * float64(now.cpus)
	if share > 0.9 {
		running = max(running, float64(now.runnable)-1)
	}
	if running > s.mean && s.last.cpus > 0 {
		running = (5*s.mean + 3*running) / 8
	} else if s.last.cpus > 0 {
		running = (s.mean + 3*running) / 4
	}
	s.mean, s.last = running, now
}

// readStat reads /proc/stat.
func (s *procSampler) readStat() (cpuTimes, error) {
	var t cpuTimes
	text, err := s.read("proc/stat")
	if err != nil {
		return t, fmt.Errorf("measure load: %w", err)
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) < 2:
		case words[0] == "cpu":
			t.busy, t.idle = sumTimes(words[1:])
		case strings.HasPrefix(words[0], "cpu"):
			t.cpus++
		case words[0] == "procs_running":
			t.runnable, _ = strconv.ParseUint(words[1], 10, 32)
		}
	}
	if t.cpus == 0 || t.busy+t.idle == 0 {
		return t, fmt.Errorf("measure load: no CPU in %s", filepath.Join(s.root, "proc/stat"))
	}
	return t, nil
}

// sumTimes splits user nice system idle iowait irq softirq steal; the guest times
// that follow are part of user and nice already.
func sumTimes(words []string) (busy, idle uint64) {
	for i, w := range words {
		n, _ := strconv.ParseUint(w, 10, 64)
		switch {
		case i == 3 || i == 4:
			idle += n
		case i < 8:
			busy += n
		}
	}
	return busy, idle
}

// readMemory reads the sizes of /proc/meminfo, in bytes.
func (s *procSampler) readMemory() (total, available uint64, err error) {
	text, err := s.read("proc/meminfo")
	if err != nil {
		return 0, 0, fmt.Errorf("measure memory: %w", err)
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		n, _ := strconv.ParseUint(words[1], 10, 44)
		switch words[0] {
		case "MemTotal:":
			total = n << 10
		case "MemAvailable:":
			available = n << 10
		}
	}
	if total == 0 {
		return 0, 0, fmt.Errorf("measure memory: no size in %s", filepath.Join(s.root, "proc/meminfo"))
	}
	return total, available, nil
}

// read returns a small file whole.
func (s *procSampler) read(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(s.root, name))
	return string(bytes.TrimSpace(b)), err
}

// allowedCPUs counts the CPUs that this process may run on: the cpuset of its
// control group is in its affinity.
func allowedCPUs() int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 1<<16 - 1 // more CPUs than the set can hold
	}
	return set.Count()
}
