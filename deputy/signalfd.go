package deputy

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// signalfdSets is the union of the sets of all signalfds of a process (man proc,
// /proc/PID/fdinfo). Their signals must stay pending at home, where the process
// reads them.
func signalfdSets(pid abi.HomePid) (set uint64) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if to, err := os.Readlink(dir + "/" + e.Name()); err == nil && to == signalfdName {
			set |= signalfdSet(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, e.Name()))
		}
	}
	return set
}

func signalfdSet(fdinfo string) uint64 {
	f, err := os.Open(fdinfo)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "sigmask:\t"); ok {
			set, _ := strconv.ParseUint(text, 16, 64)
			return set
		}
	}
	return 0
}

// noteSignalfd keeps the signals of a signalfd at home that the guest has just
// made or changed, and keeps those no more whose signalfd it has closed.
func (c *call) noteSignalfd() {
	b := c.b
	switch {
	case c.dropsSignalfd:
		b.openMask = signalfdSets(b.pid)
	case c.nr != unix.SYS_SIGNALFD && c.nr != unix.SYS_SIGNALFD4 || c.ret < 0 || len(c.data) == 0 || len(c.data[0]) < abi.SigsetSize:
		return
	default:
		b.openMask |= binary.LittleEndian.Uint64(c.data[0])
	}
	b.mu.Lock()
	tasks := b.tasks
	b.mu.Unlock()
	for _, t := range tasks {
		t.idleWith(b.openMask)
	}
}

// mayDropSignalfd tells whether a call that is about to be made may close a signalfd.
func (c *call) mayDropSignalfd() bool {
	var fd uint64
	switch c.nr {
	case unix.SYS_CLOSE:
		fd = c.args[0]
	case unix.SYS_DUP2, unix.SYS_DUP3:
		fd = c.args[1]
	case unix.SYS_CLOSE_RANGE:
		return c.b.openMask != 0
	default:
		return false
	}
	if c.b.openMask == 0 {
		return false
	}
	to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.b.pid, int32(fd)))
	return err == nil && to == signalfdName
}

// signalfdName is what such a descriptor is called in /proc/PID/fd.
const signalfdName = "anon_inode:[signalfd]"

// idleWith changes the mask that a task idles with: at once, or when the call that it
// is in has ended. On the link's thread.
func (t *task) idleWith(mask uint64) {
	if t.slot.Busy() {
		t.slot.IdleMask(mask)
		return
	}
	buffers, at := t.slot.Buffers()
	binary.LittleEndian.PutUint64(buffers[smallOffset:], mask)
	t.slot.Masks(0, 0)
	t.slot.Call(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uint64(at)+smallOffset, 0, abi.SigsetSize)
}
