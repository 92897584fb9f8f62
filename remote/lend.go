package remote

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"umosix/tracer"
)

// lender hands descriptors of this program to a guest, over a pair of sockets that
// the guest made. What is lent is shared, not copied. The program in the guest
// cannot use either: its calls on descriptors go home.
type lender struct {
	ours   int // our end, which was the guest's
	theirs int // the guest's number of the other end
}

// Places in the buffers, from nameOffset on, of what the guest's calls need.
const (
	lendPair    = 0   // int[2]
	lendMessage = 64  // struct msghdr
	lendVector  = 128 // struct iovec
	lendByte    = 160
	lendControl = 192 // struct cmsghdr with one descriptor
	messageSize = 56
	controlSize = 24
)

// newLender has the guest make the pair, and takes one end from it.
func (g *guest) newLender(call tracer.Caller) (*lender, error) {
	buffers, at := g.leader().slot.Buffers()
	pair := buffers[nameOffset+lendPair:]
	ret, err := call.Call(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0, uint64(at)+nameOffset+lendPair)
	if err != nil || ret < 0 {
		return nil, fmt.Errorf("sockets of guest %d: %d, %w", g.pid, ret, err)
	}
	ours, theirs := binary.LittleEndian.Uint32(pair), binary.LittleEndian.Uint32(pair[4:])
	pidfd, err := unix.PidfdOpen(int(g.leader().k.Tid), 0)
	if err != nil {
		return nil, fmt.Errorf("sockets of guest %d: pidfd: %w", g.pid, err)
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, int(ours), 0)
	if err != nil {
		return nil, fmt.Errorf("sockets of guest %d: take one: %w", g.pid, err)
	}
	l := &lender{ours: fd, theirs: int(theirs)}
	if ret, err := call.Call(unix.SYS_CLOSE, uint64(ours)); err != nil || ret < 0 {
		l.close()
		return nil, fmt.Errorf("sockets of guest %d: close: %d, %w", g.pid, ret, err)
	}
	return l, nil
}

func (l *lender) close() { unix.Close(l.ours) }

// lend gives the guest a descriptor of file with that access (man open).
func (g *guest) lend(call tracer.Caller, file *os.File, access int) (int, error) {
	l := g.files.lender
	if l == nil {
		var err error
		if l, err = g.newLender(call); err != nil {
			return -1, err
		}
		g.files.lender = l
	}
	lent, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", file.Fd()), access|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s for guest %d: %w", file.Name(), g.pid, err)
	}
	defer unix.Close(lent)
	if err := unix.Sendmsg(l.ours, []byte{0}, unix.UnixRights(lent), nil, unix.MSG_DONTWAIT); err != nil {
		return -1, fmt.Errorf("lend %s to guest %d: %w", file.Name(), g.pid, err)
	}
	return g.borrow(call, l)
}

// borrow has the guest receive a descriptor, which is there already.
func (g *guest) borrow(call tracer.Caller, l *lender) (int, error) {
	buffers, at := g.leader().slot.Buffers()
	room := buffers[nameOffset : nameOffset+lendControl+controlSize]
	clear(room)
	base, le := uint64(at)+nameOffset, binary.LittleEndian
	le.PutUint64(room[lendMessage+16:], base+lendVector)
	le.PutUint64(room[lendMessage+24:], 1)
	le.PutUint64(room[lendMessage+32:], base+lendControl)
	le.PutUint64(room[lendMessage+40:], controlSize)
	le.PutUint64(room[lendVector:], base+lendByte)
	le.PutUint64(room[lendVector+8:], 1)
	ret, err := call.Call(unix.SYS_RECVMSG, uint64(l.theirs), base+lendMessage, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
	if err != nil || ret < 0 {
		return -1, fmt.Errorf("guest %d receives no descriptor: %d, %w", g.pid, ret, err)
	}
	const header = 16 // struct cmsghdr: length, level, type
	control := room[lendControl:]
	if le.Uint64(control) != header+4 || le.Uint32(control[12:]) != unix.SCM_RIGHTS {
		return -1, fmt.Errorf("guest %d receives no descriptor", g.pid)
	}
	return int(int32(le.Uint32(control[header:]))), nil
}
