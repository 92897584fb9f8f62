package jobs

import (
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// lineage learns of each process that a job's processes make, from the process events
// of the kernel (drivers/connector/cn_proc.c; for ordinary users since Linux 6.6). So
// one is known even if its parent has ended before the scanner looks. The events reach
// only mosds in the first network and pid namespace of a machine; elsewhere the scanner
// is all there is.
type lineage struct {
	socket int  // -1: no events here
	end    int  // an eventfd that ends followLineage
	works  bool // events have come: the first one answers tell
	// kin are, by pid, the processes that stand for those whose children belong to a
	// job: themselves, or the last one above that was known while it lived.
	kin map[int]*process
}

// The messages of the connector (include/uapi/linux/cn_proc.h, connector.h).
const (
	procIndex, procValue = 1, 1 // CN_IDX_PROC, CN_VAL_PROC
	listenEvents         = 1    // PROC_CN_MCAST_LISTEN
	ignoreEvents         = 2
	eventFork            = 1
	eventExit            = 0x80000000
	headSize             = unix.NLMSG_HDRLEN + 20 // struct cn_msg
	eventHead            = 16                     // of struct proc_event: what, cpu, time
	lineagePause         = 20 * time.Millisecond  // between two looks
	lineageRoom          = 1 << 20                // bytes of events that may wait
)

// openLineage listens to nothing yet.
func openLineage() lineage {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_CONNECTOR)
	if err != nil {
		return lineage{socket: -1}
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: procIndex}); err != nil {
		unix.Close(fd)
		return lineage{socket: -1}
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, lineageRoom) // with less the scanner helps more often
	end, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(fd)
		return lineage{socket: -1}
	}
	l := lineage{socket: fd, end: end, kin: make(map[int]*process)}
	l.tell(ignoreEvents) // else it gets what others on this machine listen to
	return l
}

// stop ends followLineage.
func (l *lineage) stop() {
	if l.socket >= 0 {
		_, _ = unix.Write(l.end, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// close gives back what openLineage has made.
func (l *lineage) close() {
	if l.socket >= 0 {
		unix.Close(l.socket)
		unix.Close(l.end)
		l.socket = -1
	}
}

// tell switches the events on or off. Kernels before 6.6 read no more than the first
// word and send all events.
func (l *lineage) tell(what uint32) {
	if l.socket < 0 {
		return
	}
	b := make([]byte, unix.NLMSG_HDRLEN, headSize+8)
	binary.NativeEndian.PutUint32(b, headSize+8)
	binary.NativeEndian.PutUint16(b[4:], unix.NLMSG_DONE)
	for _, word := range []uint32{procIndex, procValue, 0, 0, 8, what, eventFork | eventExit} { // 8: length, no flags
		b = binary.NativeEndian.AppendUint32(b, word)
	}
	_ = unix.Sendto(l.socket, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// followLineage takes in what the events tell, in batches, until Close. It waits by itself:
// the runtime's poller would be woken by each event.
func (r *Registry) followLineage() {
	wait := []unix.PollFd{{Fd: int32(r.kin.socket), Events: unix.POLLIN}, {Fd: int32(r.kin.end), Events: unix.POLLIN}}
	for r.life.Err() == nil {
		_, _ = unix.Poll(wait, -1)
		r.mu.Lock()
		r.catchUpLocked()
		r.mu.Unlock()
		select {
		case <-r.life.Done():
		case <-time.After(lineagePause):
		}
	}
}

// catchUpLocked takes in all events of what has happened so far: the kernel tells of a
// fork before the parent goes on. Called with mu held.
func (r *Registry) catchUpLocked() {
	if r.kin.socket < 0 || r.life.Err() != nil {
		return
	}
	b := make([]byte, 4096)
	for {
		n, from, err := unix.Recvfrom(r.kin.socket, b, 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOBUFS):
			r.startOverLocked()
		case err != nil:
			return
		default:
			if nl, ok := from.(*unix.SockaddrNetlink); ok && nl.Pid == 0 { // by the kernel
				r.takeEventLocked(b[:n])
			}
		}
	}
}

// startOverLocked is for when events were lost. Called with mu held.
func (r *Registry) startOverLocked() {
	clear(r.kin.kin)
	for pid, p := range r.procs {
		r.kin.kin[pid] = p
	}
	r.poke()
}

// takeEventLocked takes one message in. Called with mu held.
func (r *Registry) takeEventLocked(b []byte) {
	if len(b) < headSize+eventHead+16 {
		return
	}
	r.kin.works = true
	event := b[headSize:]
	number := func(i int) int { return int(int32(binary.NativeEndian.Uint32(event[eventHead+4*i:]))) }
	switch binary.NativeEndian.Uint32(event) {
	case eventFork: // of a task of process 1, task 2 of process 3
		if above := r.aboveLocked(number(1)); above != nil && number(2) == number(3) {
			r.bornLocked(above, number(3))
		}
	case eventExit: // task 0 of process 1; of a known one removeLocked knows better
		if number(0) == number(1) && r.procs[number(1)] == nil {
			delete(r.kin.kin, number(1))
		}
	}
}

// aboveLocked is the process that stands for the one with that number, unless this has
// passed to another one since. Called with mu held.
func (r *Registry) aboveLocked(pid int) *process {
	p := r.kin.kin[pid]
	if p == nil || p.pid != pid {
		return p
	}
	if now, err := readStat(pid); err == nil && now.start != p.start {
		return nil
	}
	return p
}

// bornLocked takes in a child of a process, or of one that this one stands for. Called
// with mu held.
func (r *Registry) bornLocked(above *process, pid int) {
	p, _ := r.enrolLocked(above.job, pid)
	if p != nil {
		r.inheritLocked(p, above)
		r.saveSoonLocked(above.job)
	} else if p = r.procs[pid]; p == nil || p.job != above.job {
		p = above // it has ended, but its children may live
	}
	r.kin.kin[pid] = p
}
