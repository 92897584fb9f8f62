// Package control holds what the parts of one node say to each other: the
// requests of the tools on mosd's control socket (HTTP and JSON), and the
// private channel between mosd and each deputy and executor.
package control

import (
	"time"

	"umosix/wire"
)

// ChannelFd is the descriptor at which a deputy or executor finds its channel to
// mosd: a stream socket with one JSON object per line in either direction.
const ChannelFd = 3

// LinkFd is the descriptor at which an executor finds the accepted TCP
// connection of its deputy (mosd has read the preface, TLS has not begun).
const LinkFd = 4

// Credentials are PEM texts that mosd issues for one deputy or executor.
type Credentials struct {
	Cert, Key, CA string
}

// Start is the first line on a channel.
type Start struct {
	Job   string
	Node  wire.NodeID // of this mosd
	Uid   int
	Grace time.Duration
	Creds Credentials
	Log   string // zerolog level
	// FalseClock is added to this node's wall clock, in nanoseconds: a test gives nodes of
	// one machine different clocks with it.
	FalseClock int64 `json:",omitempty"`
	// For executors only.
	Home wire.NodeID
	Cage string // weakest cage that may be used: "full" or "any"
	// WeakCage has a cage without namespaces although there may be better ones.
	WeakCage bool `json:",omitempty"`
	// For deputies only.
	Keep   bool // stay although nothing is away (shaken and early-attached jobs)
	SyncIO bool
	Warn   bool // -w: write a line to the program's standard error when it is pinned
	// Socket is mosd's control socket: when the channel ends without Stop or Leave,
	// Rejoin finds the next mosd there.
	Socket string
}

// ToDeputy is one line from mosd to a deputy; exactly one field is set.
type ToDeputy struct {
	Move   *Move   `json:",omitempty"`
	Attach *Attach `json:",omitempty"`
	Freeze *Freeze `json:",omitempty"`
	Sync   *Sync   `json:",omitempty"`
	Stop   *Stop   `json:",omitempty"`
}

// Move asks for a process to be moved; it is answered by Done with the same ID.
type Move struct {
	ID  uint64
	Pid int         // home pid of the process
	To  wire.NodeID // wire.Home: bring it home
	// Address (host:port) and admission ticket of To; not for Home, nor for a node
	// that this deputy already has a link to (then Ticket is ignored).
	Address string
	Ticket  string
}

// Attach asks the deputy to seize process Pid before it execs a program
// (mosrun itself): answered by Done when it is seized. After the exec event the
// process is moved to To if that is not Home; the outcome is told as Event.
type Attach struct {
	ID      uint64
	Pid     int
	Early   bool // stay attached at home, and follow forks
	To      wire.NodeID
	Address string
	Ticket  string
}

// Freeze brings a process home and stops it there (On), or lets it go on; answered by Done.
type Freeze struct {
	ID  uint64
	Pid int
	On  bool
}

// Sync asks for nothing but its answer, Done: what the deputy has said before comes before it.
type Sync struct {
	ID uint64
}

// Stop tells the deputy to bring everything home and end.
type Stop struct{}

// FromDeputy is one line from a deputy to mosd; exactly one field is set.
type FromDeputy struct {
	Done  *Done  `json:",omitempty"`
	State *State `json:",omitempty"`
	Event *Event `json:",omitempty"`
}

// Done answers a request of mosd.
type Done struct {
	ID      uint64
	Failure string // empty: it is there
	Freeze  time.Duration
	Total   time.Duration
	Bytes   uint64 // sent over links for this move
}

// State is where a process of the job is now. It is sent after every change and
// about once a second for processes that are away.
type State struct {
	Pid              int
	Where            wire.NodeID
	Moves            int
	Pinned           string // the reason, or empty
	Stopped          bool   // job control or freeze
	Gone             bool   // the process has ended
	Lost             bool   // it was lost with its node
	CPUHere, CPUAway time.Duration
	RSS              uint64        // of the guest while away
	Freeze           time.Duration // of all moves so far
	Bytes            uint64
	Calls            map[string]uint64 // forwarded calls by name so far
}

// Event is something worth a line to the user: a pin with its reason, a failed
// placement, a job lost.
type Event struct {
	Pid  int
	Kind string // "pinned", "unpinned", "placed", "refused", "lost"
	Text string
}

// FromExecutor is one line from an executor to mosd.
type FromExecutor struct {
	Guests []Guest // all guests that it has now; sent after every change and about once a second
	Cage   string
}

// Guest is one process of another home that runs here.
type Guest struct {
	Pid      int // home pid
	LocalPid int
	CPU      time.Duration
	RSS      uint64
	Threads  int
	Command  string
}

// ToExecutor is one line from mosd to an executor.
type ToExecutor struct {
	Leave bool // ask home to take the guests back, then end
}
