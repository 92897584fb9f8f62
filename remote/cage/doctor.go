package cage

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/image"
)

// Check is what the doctor has found out about one ability of this machine.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Result string `json:"result"`        // what was found
	Why    string `json:"why"`           // what it is for, and what happens without it
	Fix    string `json:"fix,omitempty"` // the command, or the way, to mend it; empty if nothing is to be done
}

// Doctor tries out what this user can do on this machine. Where an ability can be
// tried by doing, it is: files that promise one are wrong in containers and under
// security modules. It takes well under a second and leaves nothing behind.
func Doctor() []Check {
	checks := []Check{checkKernel(), checkPtraceScope()}
	checks = append(checks, checkWalls()...)
	return append(checks, checkLandlock(), checkSeccomp(), checkConnector(), checkUserfault(), checkPagemapScan(),
		checkFuse(), checkProcessor(), checkClock(), checkMemory(), checkMemoryLimit(), checkLinger())
}

// found makes a check whose ability is there.
func found(name, why, format string, a ...any) Check {
	return Check{Name: name, OK: true, Why: why, Result: fmt.Sprintf(format, a...)}
}

// missing makes a check whose ability is not there.
func missing(name, why, fix, format string, a ...any) Check {
	return Check{Name: name, Why: why, Fix: fix, Result: fmt.Sprintf(format, a...)}
}

// setting reads a one-line file of /proc or /sys; it is empty if there is none.
func setting(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func checkKernel() Check {
	const why = "processes move between kernels that know the same calls; 6.8 or newer has all that moves use"
	release, major, minor, err := tracer.KernelVersion()
	if err != nil {
		return missing("kernel", why, "", "%v", err)
	}
	if major*1000+minor < 5*1000+11 {
		return missing("kernel", why, "install a kernel from 5.11 on, better 6.8 or newer", "%s", release)
	}
	return found("kernel", why, "%s", release)
}

// checkPtraceScope says which way of attaching to jobs this machine allows.
func checkPtraceScope() Check {
	const name, why = "ptrace scope", "a job runs untraced until it moves if its deputy may attach to it then (late attach)"
	const fix = "echo kernel.yama.ptrace_scope=0 | sudo tee /etc/sysctl.d/60-umosix.conf && sudo sysctl --system"
	scope := setting("/proc/sys/kernel/yama/ptrace_scope")
	if capable(unix.CAP_SYS_PTRACE) && scope != "3" {
		return found(name, why, "late attach (CAP_SYS_PTRACE; scope %s)", orNone(scope))
	}
	switch scope {
	case "", "0":
		return found(name, why, "late attach (scope %s)", orNone(scope))
	case "1":
		return missing(name, why, fix, "scope 1: early attach only, jobs are traced from their start")
	case "2":
		return missing(name, why, fix, "scope 2: only root may trace, jobs stay at home")
	}
	return missing(name, why, "remove kernel.yama.ptrace_scope=3 from /etc/sysctl.d and restart: it cannot be lowered while running",
		"scope %s: nobody may trace, jobs stay at home", scope)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// capable tells whether this program has a capability now.
func capable(capability int) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[capability/32].Effective&(1<<(capability%32)) != 0
}

// checkWalls builds a real cage and puts a process into it.
func checkWalls() []Check {
	const why = "guests run in namespaces of their own; without, only in a weaker cage, which home may refuse"
	tr, err := tracer.New()
	if err != nil {
		return []Check{missing("ptrace", "everything rests on it", "allow ptrace to this container (--cap-add SYS_PTRACE)", "%v", err)}
	}
	defer tr.Close()
	const ahead = 1e12
	home := image.Clock{Monotonic: clockNow(unix.CLOCK_MONOTONIC) + ahead, Boottime: clockNow(unix.CLOCK_BOOTTIME) + ahead}
	c, err := New(Config{Tracer: tr, Weakest: LevelFull, Home: home, Label: "doctor"})
	if err != nil {
		return []Check{missing("user namespaces", why, userNamespaceFix(), "%v", err)}
	}
	defer c.Close()
	return []Check{found("user namespaces", why, "cage: %s", c.Level()), checkTimeNamespace(c), checkPids(tr, c)}
}

// userNamespaceFix looks for the switch that forbids user namespaces here.
func userNamespaceFix() string {
	for _, s := range []struct{ path, bad, good string }{
		{"kernel/apparmor_restrict_unprivileged_userns", "1", "0"},
		{"kernel/unprivileged_userns_clone", "0", "1"},
		{"user/max_user_namespaces", "0", "15000"},
		{"user/max_pid_namespaces", "0", "15000"},
		{"user/max_net_namespaces", "0", "15000"},
	} {
		if setting("/proc/sys/"+s.path) == s.bad {
			return fmt.Sprintf("echo %s=%s | sudo tee -a /etc/sysctl.d/60-umosix.conf && sudo sysctl --system",
				strings.ReplaceAll(s.path, "/", "."), s.good)
		}
	}
	return "in a container: allow clone, unshare, mount and pivot_root in its seccomp and AppArmor profile " +
		"(docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
}

func checkTimeNamespace(c *Cage) Check {
	const name, why = "time namespaces", "guests keep home's monotonic clock; without, reading it is trapped and slow"
	if c.ExactClocks() {
		return found(name, why, "clocks are carried on")
	}
	fix := "install a kernel from 5.6 on with CONFIG_TIME_NS"
	if setting("/proc/sys/user/max_time_namespaces") == "0" {
		fix = "echo user.max_time_namespaces=15000 | sudo tee -a /etc/sysctl.d/60-umosix.conf && sudo sysctl --system"
	}
	return missing(name, why, fix, "guests would see the node's clocks")
}

func checkPids(tr *tracer.Tracer, c *Cage) Check {
	const name, why = "pid range", "guests have their home pids; home pids above the range are trapped, which is slow"
	err := tracer.ErrGone
	tr.Do(func() { _, err = c.Spawn(highestPid) })
	if err == nil {
		return found(name, why, "2 to %d", highestPid)
	}
	limit := setting("/proc/sys/kernel/pid_max")
	if errors.Is(err, ErrPid) && limit != "" {
		return missing(name, why, "echo kernel.pid_max=4194304 | sudo tee -a /etc/sysctl.d/60-umosix.conf && sudo sysctl --system",
			"below %s", limit)
	}
	return missing(name, why, "install a kernel from 5.9 on", "pids cannot be chosen: %v", err)
}

func checkLandlock() Check {
	const name, why = "landlock", "second wall of guests, and what --confine uses"
	if v := landlockVersion(); v > 0 {
		return found(name, why, "version %d", v)
	}
	return missing(name, why, "add lsm=landlock,"+setting("/sys/kernel/security/lsm")+" to the kernel's command line", "not enabled in this kernel")
}

// checkMemoryLimit tries whether a cage could limit its guests' memory.
func checkMemoryLimit() Check {
	const name, why = "memory limit", "keeps guests from taking all memory of this node"
	const fix = `sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\nDelegate=cpu memory pids\n' | ` +
		"sudo tee /etc/systemd/system/user@.service.d/umosix.conf && sudo systemctl daemon-reload (needs control groups version 2)"
	own := setting("/proc/self/cgroup")
	above, err := groupAbove(cgroupRoot, own)
	if err == nil {
		err = unix.Access(above+"/cgroup.procs", unix.W_OK)
	}
	if err != nil {
		return missing(name, why, fix, "guests cannot be limited: %v", err)
	}
	return found(name, why, "control groups below %s", above)
}
