package gossip

import (
	"os"
	"path/filepath"
	"testing"
)

// machine is a sampler on files that a test writes.
func machine(t *testing.T, files map[string]string) *procSampler {
	t.Helper()
	s := newSampler(t.TempDir())
	s.cpus = func() int { return 4 }
	write(t, s, files)
	return s
}

func write(t *testing.T, s *procSampler, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(s.root, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	idleStat = "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\nintr 1 2\nprocs_running 1\n"
	busyStat = "cpu  460 0 140 800 0 0 0 0 50 0\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\nprocs_running 9\n"
	halfStat = "cpu  560 0 240 1000 0 0 0 0 50 0\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\nprocs_running 3\n"
	meminfo  = "MemTotal:        8388608 kB\nMemFree: 1 kB\nMemAvailable:    4194304 kB\n"
)

func TestSampler(t *testing.T) {
	s := machine(t, map[string]string{"proc/stat": idleStat, "proc/meminfo": meminfo})
	sample := func(want Local) {
		t.Helper()
		if got, err := s.Sample(); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	sample(Local{Load: 80, CPUs: 4, MemTotal: 8 << 30, MemFree: 4 << 30, Utilisation: 200})
	write(t, s, map[string]string{"proc/stat": busyStat})
	sample(Local{Load: 350, CPUs: 4, MemTotal: 8 << 30, MemFree: 4 << 30, Utilisation: 1000}) // (5*0.8+3*8)/8
	write(t, s, map[string]string{"proc/stat": halfStat})
	sample(Local{Load: 238, CPUs: 4, MemTotal: 8 << 30, MemFree: 4 << 30, Utilisation: 500}) // (3.5+3*2)/4
}

func TestSamplerInControlGroup(t *testing.T) {
	s := machine(t, map[string]string{
		"proc/stat": idleStat, "proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/x\n0::/a/b\n",
		"sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
		"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "2147483648\n", "sys/fs/cgroup/a/memory.current": "1610612736\n",
		"sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 268435456\nactive_file 268435456\nfile 1073741824\n",
	})
	got, err := s.Sample()
	if err != nil || got.CPUs != 2 || got.MemTotal != 2<<30 || got.MemFree != 1<<30 {
		t.Errorf("got %+v, %v", got, err)
	}
	if free, err := s.MemFree(); err != nil || free != 1<<30 {
		t.Errorf("%d bytes free, %v", free, err)
	}
	s.cpus = func() int { return 1 }
	if got, _ := s.Sample(); got.CPUs != 1 {
		t.Errorf("%d CPUs", got.CPUs)
	}
}

func TestSamplerRefusesNonsense(t *testing.T) {
	for _, files := range []map[string]string{
		{}, {"proc/stat": idleStat}, {"proc/stat": "cpu\n", "proc/meminfo": meminfo}, {"proc/stat": idleStat, "proc/meminfo": "x"},
	} {
		if got, err := machine(t, files).Sample(); err == nil {
			t.Errorf("%v gives %+v", files, got)
		}
	}
}

func TestSamplerOnThisMachine(t *testing.T) {
	got, err := NewSampler().Sample()
	if err != nil || got.CPUs == 0 || got.MemTotal == 0 || got.MemFree > got.MemTotal {
		t.Errorf("%+v, %v", got, err)
	}
	t.Logf("%+v", got)
}
