package abi

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Placement says where a call of a guest is executed.
type Placement uint8

// The placements.
const (
	ComeHome Placement = iota // the process moves home first and makes the call there
	Native                    // the guest's own kernel, without a stop
	Local                     // the executor, which asks home where identity is involved
	Home                      // the body
)

// String is the placement's word in the table.
func (p Placement) String() string {
	return [...]string{"come home", "native", "local", "home"}[p&3]
}

// Interrupt is the set of ways in which a call ends when a signal, or our own
// PTRACE_INTERRUPT, interrupts it (man 7 signal).
type Interrupt uint8

// The ends of an interrupted call. Never is the empty set: such a call is not
// interruptible, or it must not be made again.
const (
	Restarts     Interrupt = 1 << iota // -ERESTARTSYS or -ERESTARTNOINTR
	NoHand                             // -ERESTARTNOHAND: restarts unless a handler ran
	RestartBlock                       // -ERESTART_RESTARTBLOCK: goes on as restart_syscall
	RawEINTR                           // plain -EINTR, also for a SIGCONT or an interruption of ours: must be made again
	Short                              // a short count once some bytes have moved; see MustGoOn
	Never        Interrupt = 0
)

// String lists the members of the set.
func (i Interrupt) String() string {
	if i == Never {
		return "never"
	}
	var words []string
	for n, word := range []string{"restarts", "nohand", "restartblock", "eintr", "short"} {
		if i&(1<<n) != 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, "+")
}

// Row is what is known of one system call.
type Row struct {
	Nr        uint64
	Name      string
	Args      [6]Arg
	Placement Placement // of the call in general; see Place
	Interrupt Interrupt
	MayBlock  bool // it may wait for somebody else; see Blocks
	Timeout   Timeout
	Mask      Mask
	Note      string
	place     func(args *[6]uint64) Placement
	blocks    func(args *[6]uint64) bool
}

// Place is the placement of the call with these arguments.
func (r *Row) Place(args *[6]uint64) Placement {
	if r.place != nil {
		return r.place(args)
	}
	return r.Placement
}

// Blocks reports whether the call with these arguments may wait for somebody
// else. A descriptor in non-blocking mode is not seen here.
func (r *Row) Blocks(args *[6]uint64) bool {
	if r.MayBlock && r.blocks != nil {
		return r.blocks(args)
	}
	return r.MayBlock
}

// MustGoOn reports whether a short count that such a call ended with after an
// interruption of ours must not be shown: the rest has to be made, too. A receiving
// call is so with MSG_WAITALL only, and not if it leaves the bytes where they are.
func (r *Row) MustGoOn(args *[6]uint64) bool {
	switch r.Nr {
	case unix.SYS_RECVFROM:
		return args[3]&(unix.MSG_WAITALL|unix.MSG_PEEK) == unix.MSG_WAITALL
	case unix.SYS_RECVMSG:
		return args[2]&(unix.MSG_WAITALL|unix.MSG_PEEK) == unix.MSG_WAITALL
	}
	return r.Interrupt&Short != 0
}

// ChecksBounds reports whether the kernel refuses memory that reaches beyond user
// space before it looks at any of it (access_ok). Other calls fail, if at all, only
// when they come to a byte that is not there.
func (r *Row) ChecksBounds() bool {
	switch r.Nr {
	case unix.SYS_READ, unix.SYS_PREAD64, unix.SYS_READV, unix.SYS_PREADV, unix.SYS_PREADV2,
		unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_PWRITEV, unix.SYS_PWRITEV2,
		unix.SYS_RECVFROM, unix.SYS_RECVMSG, unix.SYS_RECVMMSG, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG, unix.SYS_SYSLOG:
		return true
	}
	return false
}

// MaxNr is the highest system-call number that has a row.
const MaxNr = 471

var table = index(fileRows, dirRows, attrRows, memoryRows, pollRows, netRows, ipcRows, processRows, signalRows, timeRows,
	identityRows, systemRows, obsoleteRows)

// index puts the rows at their numbers.
func index(groups ...[]Row) (t [MaxNr + 1]*Row) {
	for _, rows := range groups {
		for i := range rows {
			if t[rows[i].Nr] != nil {
				panic("abi: two rows for " + rows[i].Name)
			}
			t[rows[i].Nr] = &rows[i]
		}
	}
	return t
}

// Lookup is the row of a system call, or nil if the number is not assigned or not
// known. Like the kernel it looks at the lower half of the register only.
func Lookup(nr uint64) *Row {
	if n := uint32(nr); n <= MaxNr {
		return table[n]
	}
	return nil
}

// Rows are all rows in the order of their numbers.
func Rows() []*Row {
	rows := make([]*Row, 0, len(table))
	for _, r := range table {
		if r != nil {
			rows = append(rows, r)
		}
	}
	return rows
}

// args are the shapes of a call's arguments in their order.
func args(shapes ...Arg) (all [6]Arg) {
	copy(all[:], shapes)
	return all
}
