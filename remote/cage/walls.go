package cage

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// guestName is the comm of the cage's processes, so that ps shows whose they are.
const guestName = "mosix-guest"

const saNoCldWait = 2 // SA_NOCLDWAIT

// tidy gives the first process a name and takes from it what it has inherited:
// descriptors, ignored signals, the working directory. Guests that end are reaped
// by the kernel, without a zombie.
func (c *Cage) tidy(h *hands) error {
	if _, err := h.doWith("name", []byte(guestName+"\x00"), 1, unix.SYS_PRCTL, unix.PR_SET_NAME, 0); err != nil {
		return err
	}
	if err := closeInherited(h, c.first.Tid); err != nil {
		return err
	}
	ignored, err := ignoredSignals(c.first.Tid)
	if err != nil {
		return err
	}
	for n := uint64(1); n <= 64; n++ {
		if ignored&(1<<(n-1)) == 0 {
			continue
		}
		if _, err := h.doWith("default action", words(0, 0, 0, 0), 1, unix.SYS_RT_SIGACTION, n, 0, 0, 8); err != nil {
			return err
		}
	}
	if _, err := h.doWith("no zombies", words(0, saNoCldWait, 0, 0), 1, unix.SYS_RT_SIGACTION, uint64(unix.SIGCHLD), 0, 0, 8); err != nil {
		return err
	}
	_, err = h.doWith("working directory", []byte("/\x00"), 0, unix.SYS_CHDIR, 0)
	return err
}

// closeInherited closes the descriptors that this program's starter has left open
// across exec.
func closeInherited(h *hands, pid abi.LocalPid) error {
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return err
	}
	for _, entry := range open {
		fd, err := strconv.ParseUint(entry.Name(), 10, 32)
		if err != nil {
			return err
		}
		if _, err := h.do("close inherited descriptor", unix.SYS_CLOSE, fd); err != nil {
			return err
		}
	}
	return nil
}

// ignoredSignals is SigIgn of /proc/PID/status; bit n-1 is signal n.
func ignoredSignals(pid abi.LocalPid) (uint64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "\nSigIgn:\t")
	hex, _, found := strings.Cut(rest, "\n")
	if !found {
		return 0, fmt.Errorf("/proc/%d/status has no SigIgn", pid)
	}
	return strconv.ParseUint(hex, 16, 64)
}

const bareMount = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// emptyRoot gives the first process a root directory in which nothing is and
// nothing can be made, and takes every other mount out of its sight. It needs one
// directory to mount on before it swaps the roots; /proc exists wherever this
// program runs.
func emptyRoot(h *hands) error {
	at, err := h.strings("tmpfs", "/proc", "size=4k,nr_inodes=2,mode=555", ".", guestName)
	if err != nil {
		return err
	}
	tmpfs, proc, options, dot, name := at[0], at[1], at[2], at[3], at[4]
	steps := []struct {
		what string
		nr   uint64
		args []uint64
	}{
		{"host name", unix.SYS_SETHOSTNAME, []uint64{name, uint64(len(guestName))}},
		{"domain name", unix.SYS_SETDOMAINNAME, []uint64{name, 0}},
		{"mount an empty root", unix.SYS_MOUNT, []uint64{tmpfs, proc, tmpfs, bareMount, options}},
		{"enter the empty root", unix.SYS_CHDIR, []uint64{proc}},
		{"pivot_root", unix.SYS_PIVOT_ROOT, []uint64{dot, dot}},
		{"unmount the node's root", unix.SYS_UMOUNT2, []uint64{dot, unix.MNT_DETACH}},
		{"chroot", unix.SYS_CHROOT, []uint64{dot}},
		{"make the root read-only", unix.SYS_MOUNT, []uint64{0, dot, 0, unix.MS_REMOUNT | unix.MS_RDONLY | bareMount, 0}},
	}
	for _, s := range steps {
		if _, err := h.do(s.what, s.nr, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// strings puts several strings into the scratch memory at once.
func (h *hands) strings(all ...string) ([]uint64, error) {
	h.reuse()
	at := make([]uint64, len(all))
	for i, s := range all {
		var err error
		if at[i], err = h.put(append([]byte(s), 0)); err != nil {
			return nil, err
		}
	}
	return at, nil
}

// Secure bits (linux/securebits.h): uid 0 of the cage is nothing special, for good.
const lockedSecureBits = 0xef

// lock takes the rights that guests have no use for. It reports whether Landlock
// stands. The first process keeps, besides the right to choose pids, the one to
// make a pid namespace for a guest that is pid 1 at home; Seal takes it from guests.
func (c *Cage) lock(h *hands, full bool) (landlocked bool, err error) {
	if _, err := h.do("no_new_privs", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return false, err
	}
	if c.cfg.Force != LevelSeccomp {
		if landlocked, err = denyAll(h); err != nil {
			return false, err
		}
	}
	keep := uint64(0)
	if full {
		keep = 1<<unix.CAP_CHECKPOINT_RESTORE | 1<<unix.CAP_SYS_ADMIN
		if _, err := h.do("secure bits", unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, lockedSecureBits, 0, 0, 0); err != nil {
			return landlocked, err
		}
	}
	return landlocked, capset(h, keep)
}

// capset leaves the process these capabilities, bit n for capability n.
func capset(h *hands, caps uint64) error {
	h.reuse()
	header, err := h.put(words(unix.LINUX_CAPABILITY_VERSION_3))
	if err != nil {
		return err
	}
	low, high := caps&0xffffffff, caps>>32
	data, err := h.put(words(low|low<<32, 0|high<<32, high)) // effective, permitted, inheritable; twice
	if err != nil {
		return err
	}
	_, err = h.do("drop capabilities", unix.SYS_CAPSET, header, data)
	return err
}
