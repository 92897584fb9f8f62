package deputy

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// The kernel at home tells a parent what CPU time its child has used, when it waits for it
// (man wait4), and of all for which it has waited (man getrusage, times). What they have used
// away is added here, for parents that are away themselves: nobody is in the way of others.

// total is the CPU time that the process has used away, and its children that it has
// waited for there.
func (b *body) total() image.CPUTime {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, now := b.stats.before, b.stats.usage
	return b.children.Plus(image.CPUTime{User: before.UserNs + now.UserNs, System: before.SystemNs + now.SystemNs})
}

// leaveTime tells the parent of a process that ends what it has used away. The parent has
// not waited for it yet.
func (b *body) leaveTime() {
	used := b.total()
	parent := b.d.body(parentOf(b.pid))
	if parent == nil || parent.now() != away || used.Total() == 0 {
		return
	}
	parent.mu.Lock()
	defer parent.mu.Unlock()
	if parent.ending == nil {
		parent.ending = map[abi.HomePid]image.CPUTime{}
	}
	parent.ending[b.pid] = used
}

// parentOf is the parent of a process; 0 if it is no more.
func parentOf(pid abi.HomePid) (parent abi.HomePid) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	var state string
	fmt.Sscan(rest, &state, &parent)
	return parent
}

// addChildren adds to the outcome of a call that tells of children what they have used away.
func (c *call) addChildren(ret int64) {
	const rusageSize, infoPid = 144, 16
	args := c.plan.Args
	switch {
	case abi.Failed(ret):
	case c.plan.Nr == unix.SYS_WAIT4 && ret > 0:
		used := c.b.waited(abi.HomePid(ret), true)
		if r := c.out(3); len(r) >= rusageSize {
			used.AddToRusage(r)
		}
	case c.plan.Nr == unix.SYS_WAITID && len(c.out(2)) > infoPid+4:
		pid := abi.HomePid(binary.LittleEndian.Uint32(c.out(2)[infoPid:]))
		used := c.b.waited(pid, args[3]&unix.WNOWAIT == 0)
		if r := c.out(4); len(r) >= rusageSize {
			used.AddToRusage(r)
		}
	case c.plan.Nr == unix.SYS_GETRUSAGE && int32(args[0]) == unix.RUSAGE_CHILDREN:
		if r := c.out(1); len(r) >= rusageSize {
			c.b.waitedFor().AddToRusage(r)
		}
	case c.plan.Nr == unix.SYS_TIMES:
		if r := c.out(0); len(r) >= 32 {
			c.b.waitedFor().AddToTicks(r[16:])
		}
	}
}

// out is the memory that an argument of the call points to; nil if there is none.
func (c *call) out(arg int16) []byte {
	for i, r := range c.plan.Regions {
		if r.At.Region < 0 && int16(r.At.Offset) == arg {
			return c.data[i]
		}
	}
	return nil
}

// waited is what a child has used away for which the process has just waited, finally or
// with WNOWAIT.
func (b *body) waited(pid abi.HomePid, finally bool) image.CPUTime {
	b.mu.Lock()
	defer b.mu.Unlock()
	used := b.ending[pid]
	if finally {
		delete(b.ending, pid)
		b.children = b.children.Plus(used)
	}
	return used
}

// waitedFor is what all children have used away for which the process has waited.
func (b *body) waitedFor() image.CPUTime {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.children
}
