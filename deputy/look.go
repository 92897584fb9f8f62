package deputy

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/snapshot"
	"umosix/wire/control"
)

// look is that a process looks at the memory of another: through a view in /proc that it
// has open, or by calls that it makes at home (man process_vm_readv, ptrace). The body of
// a process that is away does not hold the truth, so the other one comes home before, and
// stays as long as the look lasts. Nothing is traced at home: who makes such calls must
// stay there, too, once we know of it.
type look struct {
	by, at abi.HomePid
	view   string // of a descriptor of by
	fd     int
}

// over tells whether the look has ended.
func (l look) over() bool {
	if l.view != "" {
		target, err := os.Readlink(descriptor(l.by, l.fd))
		return err != nil || target != l.view
	}
	return unix.Kill(int(l.by), 0) == unix.ESRCH || unix.Kill(int(l.at), 0) == unix.ESRCH
}

func descriptor(pid abi.HomePid, fd int) string { return fmt.Sprintf("/proc/%d/fd/%d", pid, fd) }

// pins says why a process must stay at home for the look; it is empty if it need not.
func (l look) pins(pid abi.HomePid) string {
	switch {
	case l.at == pid && l.view != "":
		return fmt.Sprintf("is looked at by process %d (%s)", l.by, l.view)
	case l.at == pid:
		return fmt.Sprintf("has its memory read by process %d", l.by)
	case l.by == pid && l.view == "":
		return fmt.Sprintf("reads the memory of process %d", l.at)
	}
	return ""
}

// addLook notes a look.
func (d *Deputy) addLook(l look) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pruneLooks(); !slices.Contains(d.looks, l) {
		d.looks = append(d.looks, l)
	}
}

// pruneLooks forgets the looks that are over. With mu held.
func (d *Deputy) pruneLooks() { d.looks = slices.DeleteFunc(d.looks, look.over) }

// lookReason says why a process must stay at home for a look; it is empty if none is.
func (d *Deputy) lookReason(pid abi.HomePid) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pruneLooks()
	for _, l := range d.looks {
		if reason := l.pins(pid); reason != "" {
			return reason
		}
	}
	return ""
}

// bringLooked brings home what a process looks at, and waits for it: also for a move out
// that had begun before the look was noted. One that stands at home until what it looks at
// itself has come is not waited for.
func (b *body) bringLooked() {
	d := b.d
	d.mu.Lock()
	looks := slices.Clone(d.looks)
	d.mu.Unlock()
	for _, l := range looks {
		if l.by == b.pid && l.at != b.pid {
			d.bring(l)
		}
	}
}

// bring brings home what is looked at. It is held meanwhile, as for a move: a move of
// it that begins now finds the look.
func (d *Deputy) bring(l look) {
	other := d.hold(l.at)
	defer d.letGo(other)
	if other.isLanding() {
		return
	}
	var done control.Done
	err := other.moveTo(destination{}, &done)
	switch {
	case err == nil && done.Freeze > 0:
		other.setPinned(l.pins(l.at))
		other.report()
	case err != nil && other.now() != ended:
		d.log.Warn().Int("pid", int(l.at)).Int("by", int(l.by)).Err(err).Msg("looked at, and not at home")
	}
}

// landLooking has a process that has just come home, and stands there, wait for what it
// looks at.
func (b *body) landLooking() {
	b.setLanding(true)
	defer b.setLanding(false)
	b.bringLooked()
}

func (b *body) setLanding(on bool) { b.mu.Lock(); b.landing = on; b.mu.Unlock() }

func (b *body) isLanding() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.landing
}

// bodyOfTask is the body of the process with that task, or nil.
func (d *Deputy) bodyOfTask(tid abi.HomePid) *body {
	for _, b := range d.all() {
		if b.task(tid) != nil {
			return b
		}
	}
	return nil
}

// noteView notes which view of a process's memory the call has just opened, if any. What
// was opened counts, not how it was called: many paths lead there.
func (c *call) noteView(ret int64) {
	switch c.plan.Nr {
	case unix.SYS_OPEN, unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_CREAT:
	default:
		return
	}
	if ret < 0 {
		return
	}
	path, err := os.Readlink(descriptor(c.b.pid, int(ret)))
	if err != nil {
		return
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(path, "/proc/"), "/")
	pid, err := strconv.Atoi(number)
	if err != nil || !snapshot.IsMemoryView(abi.LocalPid(pid), path) {
		return
	}
	c.view = path
	if other := abi.HomePid(pid); other != c.b.pid {
		c.viewed = other
		c.b.d.addLook(look{by: c.b.pid, at: other, view: path, fd: int(ret)})
	}
}

// answerLooked answers a call that has opened a view of another process, which comes home
// first.
func (c *call) answerLooked() {
	d := c.b.d
	d.begin()
	go func() {
		defer d.end()
		c.b.bringLooked()
		d.mu.Lock()
		c.viewed = 0
		d.mu.Unlock()
		c.conclude()
	}()
}

// awaitsLooked tells whether the process that the call looks at has to come home yet.
func (c *call) awaitsLooked() bool {
	d := c.b.d
	d.mu.Lock()
	defer d.mu.Unlock()
	return c.viewed != 0
}
