package control

import (
	"time"

	"umosix/wire"
)

// MaxBody bounds the body of a request on the control socket, in bytes.
const MaxBody = 64 << 10

// The bounds on what a request may hold beside MaxBody.
const (
	MaxTag   = 64 // bytes of a -J job id
	MaxSpans = 64 // ranges in a -j list
)

// Lock says what a new process does about its lock.
type Lock string

// The values of Lock.
const (
	LockDefault Lock = ""     // locked with -h, -N, -r, -j; else as the caller
	LockOn      Lock = "on"   // -L
	LockOff     Lock = "off"  // -l
	LockKeep    Lock = "keep" // -k
)

// Span is a range of node numbers, both ends included.
type Span struct {
	From wire.NodeID `json:"from"`
	To   wire.NodeID `json:"to"`
}

// Options are the wishes of one mosrun.
type Options struct {
	Home   bool          `json:"home,omitempty"`   // -h
	Node   wire.NodeID   `json:"node,omitempty"`   // -N
	Host   string        `json:"host,omitempty"`   // -r, as whois takes it
	Among  []Span        `json:"among,omitempty"`  // -j
	Anyway bool          `json:"anyway,omitempty"` // -F
	Lock   Lock          `json:"lock,omitempty"`
	Early  bool          `json:"early,omitempty"`
	SyncIO bool          `json:"sync_io,omitempty"`
	Warn   bool          `json:"warn,omitempty"`
	Grace  time.Duration `json:"grace,omitempty"` // nanoseconds; 0: the node's
	Shake  time.Duration `json:"shake,omitempty"` // nanoseconds; mean; 0: no shaking
	Seed   uint64        `json:"seed,omitempty"`
	Pinned string        `json:"pinned,omitempty"` // why the program cannot be traced from its start
}

// Placed tells whether the program shall start on another node.
func (o *Options) Placed() bool {
	return o.Node != wire.Home || o.Host != "" || len(o.Among) > 0
}

// Register makes the process Pid (mosrun, before its exec) the first of a job.
type Register struct {
	Pid     int     `json:"pid"`
	Program string  `json:"program"`
	Tag     string  `json:"tag,omitempty"` // -J
	Options Options `json:"options"`
}

// Registered answers Register. With a Deputy, mosrun allows that process to
// trace it and asks for Attach before it execs.
type Registered struct {
	Job     string      `json:"job"`
	Node    wire.NodeID `json:"node"`
	Nested  bool        `json:"nested,omitempty"` // Pid was in a job already: its lock and place were changed
	Deputy  int         `json:"deputy,omitempty"`
	Seed    uint64      `json:"seed,omitempty"` // of the shaker
	Warning string      `json:"warning,omitempty"`
}

// OfPid is a request about one process, by home pid.
type OfPid struct {
	Pid int `json:"pid"`
}

// Migrate asks for one process to be somewhere else.
type Migrate struct {
	Pid  int         `json:"pid"`
	Home wire.NodeID `json:"home,omitempty"` // of a guest here; 0: this node
	To   string      `json:"to"`             // a node number, a host, "home" or "out"
}

// Migrated answers Migrate.
type Migrated struct {
	Pid    int         `json:"pid"`
	From   wire.NodeID `json:"from"`
	To     wire.NodeID `json:"to"`
	Freeze float64     `json:"freeze_seconds"`
	Total  float64     `json:"total_seconds"`
	Bytes  uint64      `json:"bytes"`
}

// Hold freezes a process where it is or lets it go on.
type Hold struct {
	Pid int  `json:"pid"`
	On  bool `json:"on"`
}

// SetLock locks a process where it is or unlocks it.
type SetLock struct {
	Pid int  `json:"pid"`
	On  bool `json:"on"`
}

// SetFlag sets one node flag: stay, lstay, block or quiet.
type SetFlag struct {
	Flag string `json:"flag"`
	On   bool   `json:"on"`
}

// Adopt is what a deputy or executor says that outlived its mosd: the
// connection becomes its new channel when the answer 101 has come.
type Adopt struct {
	Job  string      `json:"job"`
	Home wire.NodeID `json:"home,omitempty"` // of an executor's job
	Pid  int         `json:"pid"`            // its own
}

// Empty is a request or an answer without contents.
type Empty struct{}
