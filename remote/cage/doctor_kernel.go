package cage

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// checkSeccomp asks for the actions that filters of guests use.
func checkSeccomp() Check {
	const name, why = "seccomp", "the filter of guests traps to the executor"
	if err := actionAvailable(unix.SECCOMP_RET_TRACE); err != nil {
		return missing(name, why, "install a kernel with CONFIG_SECCOMP_FILTER", "no filters: %v", err)
	}
	if err := actionAvailable(unix.SECCOMP_RET_USER_NOTIF); err != nil {
		return found(name, why, "filters, without notifications")
	}
	return found(name, why, "filters, with notifications")
}

// Bits and numbers of linux/userfaultfd.h.
const (
	uffdUserModeOnly = 1
	uffdAPI          = 0xaa
	uffdWPAsync      = 1 << 15
)

// checkUserfault looks for write protection that the kernel lifts by itself, which
// tells what a process has written while it is copied.
func checkUserfault() Check {
	const name, why = "userfaultfd", "memory is sent while the process runs on; without, it stands still for the whole copy"
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|uffdUserModeOnly, 0, 0)
	if errno != 0 {
		return missing(name, why, "install a kernel from 5.11 on with CONFIG_USERFAULTFD, or in a container allow userfaultfd in its seccomp profile", "%v", errno)
	}
	defer unix.Close(int(fd))
	features, err := userfaultFeatures(int(fd))
	if err != nil {
		return missing(name, why, "install a kernel from 6.7 on", "%v", err)
	}
	if features&uffdWPAsync == 0 {
		return missing(name, why, "install a kernel from 6.7 on", "user mode, but no asynchronous write protection")
	}
	return found(name, why, "user mode, asynchronous write protection")
}

func checkPagemapScan() Check {
	const name, why = "pagemap scan", "finds written pages fast; without, whole tables are read"
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return missing(name, why, "", "%v", err)
	}
	defer f.Close()
	if err := pagemapScan(int(f.Fd())); err != nil {
		return missing(name, why, "install a kernel from 6.7 on", "%v", err)
	}
	return found(name, why, "PAGEMAP_SCAN")
}

// checkConnector subscribes to the kernel's process events and waits for the answer.
func checkConnector() Check {
	const name, why = "proc connector", "new processes of jobs are known at once; without, /proc is scanned"
	const fix = "install a kernel from 6.6 on with CONFIG_PROC_EVENTS, or run mosd as root; not possible in a network namespace"
	if err := subscribe(); err != nil {
		return missing(name, why, fix, "%v", err)
	}
	return found(name, why, "process events arrive")
}

// Numbers of linux/cn_proc.h and linux/connector.h.
const (
	cnIdxProc, cnValProc      = 1, 1
	mcastListen, mcastIgnore  = 1, 2
	cnHeader, netlinkHeader   = 20, 16
	connectorAnswer           = time.Second
	procEventWhat, ackErrorAt = netlinkHeader + cnHeader, netlinkHeader + cnHeader + 16
)

func subscribe() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_CONNECTOR)
	if err != nil {
		return fmt.Errorf("connector socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: cnIdxProc}); err != nil {
		return fmt.Errorf("listen to process events: %w", err)
	}
	limit := unix.NsecToTimeval(int64(connectorAnswer))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return err
	}
	if err := sendConnector(fd, mcastListen); err != nil {
		return fmt.Errorf("ask for process events: %w", err)
	}
	defer sendConnector(fd, mcastIgnore)
	return awaitAck(fd)
}

func sendConnector(fd int, operation uint32) error {
	le := binary.LittleEndian
	b := make([]byte, netlinkHeader+cnHeader+4)
	le.PutUint32(b[0:], uint32(len(b)))
	le.PutUint16(b[4:], unix.NLMSG_DONE)
	le.PutUint32(b[12:], uint32(os.Getpid()))
	le.PutUint32(b[16:], cnIdxProc)
	le.PutUint32(b[20:], cnValProc)
	le.PutUint16(b[32:], 4)
	le.PutUint32(b[36:], operation)
	return unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// awaitAck reads events until the one that answers the subscription (what is 0).
func awaitAck(fd int) error {
	buf := make([]byte, 4096)
	for until := time.Now().Add(connectorAnswer); time.Now().Before(until); {
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("no answer from the connector: %w", err)
		}
		if n < ackErrorAt+4 || binary.LittleEndian.Uint32(buf[procEventWhat:]) != 0 {
			continue
		}
		if code := binary.LittleEndian.Uint32(buf[ackErrorAt:]); code != 0 {
			return fmt.Errorf("process events: %w", unix.Errno(code))
		}
		return nil
	}
	return fmt.Errorf("no answer from the connector within %v", connectorAnswer)
}
