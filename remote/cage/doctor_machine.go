package cage

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func checkFuse() Check {
	const name, why = "fuse", "files of other nodes at /mfs; without, programs reach files at home only"
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	switch err {
	case nil:
		unix.Close(fd)
		return found(name, why, "/dev/fuse can be opened")
	case unix.EACCES, unix.EPERM:
		return missing(name, why, "sudo chmod 666 /dev/fuse (in a container: --device /dev/fuse)", "/dev/fuse: %v", err)
	}
	return missing(name, why, "sudo modprobe fuse (in a container: --device /dev/fuse)", "/dev/fuse: %v", err)
}

// The flags of /proc/cpuinfo that each level of the x86-64 psABI adds.
var cpuLevels = [][]string{
	{"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"},
	{"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
	{"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}

func checkProcessor() Check {
	const name, why = "processor", "a process goes only where all its home's features are"
	info := fields("/proc/cpuinfo", ":")
	flags := strings.Fields(info["flags"])
	level := 1
	for _, wanted := range cpuLevels {
		if slices.ContainsFunc(wanted, func(f string) bool { return !slices.Contains(flags, f) }) {
			break
		}
		level++
	}
	if len(flags) == 0 {
		return missing(name, why, "mount /proc", "no flags in /proc/cpuinfo")
	}
	extra := ""
	if slices.Contains(flags, "amx_tile") {
		extra = ", AMX"
	}
	return found(name, why, "%s: x86-64-v%d, %d features%s", info["model name"], level, len(flags), extra)
}

// fields reads "key <separator> value" lines; the first of equal keys counts.
func fields(path, separator string) map[string]string {
	b, _ := os.ReadFile(path)
	m := map[string]string{}
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(line, separator)
		key = strings.TrimSpace(key)
		if _, seen := m[key]; ok && !seen {
			m[key] = strings.TrimSpace(value)
		}
	}
	return m
}

// checkClock asks the kernel whether something keeps the wall clock right.
func checkClock() Check {
	const name, why = "clock", "guests see the wall clock of their home; makefiles and logs compare clocks of nodes"
	source := setting("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return missing(name, why, "", "%v", err)
	}
	if state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0 {
		return missing(name, why, "sudo timedatectl set-ntp true", "the wall clock is not synchronized (source %s)", source)
	}
	return found(name, why, "synchronized to %d µs (source %s)", t.Esterror, source)
}

func checkMemory() Check {
	const name, why = "memory", "guests are admitted into free memory"
	info := fields("/proc/meminfo", ":")
	if info["MemAvailable"] == "" {
		return missing(name, why, "mount /proc", "no MemAvailable in /proc/meminfo")
	}
	overcommit := setting("/proc/sys/vm/overcommit_memory")
	if overcommit == "2" {
		return missing(name, why, "sudo sysctl -w vm.overcommit_memory=0",
			"%s of %s available, but overcommit is off: programs that reserve much cannot be rebuilt here", info["MemAvailable"], info["MemTotal"])
	}
	return found(name, why, "%s of %s available", info["MemAvailable"], info["MemTotal"])
}

// checkLinger tells whether a user's mosd would outlive the user's last session.
func checkLinger() Check {
	const name, why = "linger", "systemd ends a user's mosd and jobs with the last session unless the user lingers"
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return found(name, why, "no systemd here")
	}
	if os.Getuid() == 0 {
		return found(name, why, "root's processes stay")
	}
	me, err := user.Current()
	if err != nil {
		return missing(name, why, "", "%v", err)
	}
	if _, err := os.Stat("/var/lib/systemd/linger/" + me.Username); err != nil {
		return missing(name, why, fmt.Sprintf("loginctl enable-linger %s", me.Username), "user %s does not linger", me.Username)
	}
	return found(name, why, "user %s lingers", me.Username)
}
