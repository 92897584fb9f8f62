package jobs

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"umosix/wire"
	"umosix/wire/control"
)

// Cluster is what the registry asks about other nodes. Errors are one line each,
// fit to be shown to a user.
type Cluster interface {
	// Resolve finds a node by number, host name or address.
	Resolve(name string) (wire.NodeID, error)
	// Reachable lists the other nodes that are up now.
	Reachable() []wire.NodeID
	// MayGo says why processes of uid must not go to a node (mosix.conf), or nil.
	MayGo(uid int, to wire.NodeID) error
	// Admit asks a node to take guests of a job.
	Admit(ctx context.Context, to wire.NodeID, ask control.Admit) (Admission, error)
	// Return asks the home of a guest here to move it.
	Return(ctx context.Context, home wire.NodeID, ask control.Return) (control.Migrated, error)
	// Issue makes the certificate of a deputy.
	Issue(job string, uid int) (control.Credentials, error)
}

// Admission is where a deputy finds its place, and the ticket for it.
type Admission struct {
	Address string // host:port
	Ticket  string // hexadecimal, as the deputy takes it
}

// Config is what a Registry is made from.
type Config struct {
	Self    wire.NodeID
	Uid     int    // that mosd runs as; 0 serves every user
	Dir     string // mosd's state directory
	Socket  string // its control socket
	Grace   time.Duration
	Attach  AttachMode
	Cluster Cluster
	Launch  Launch // nil: this binary as `mosix deputy`
	Log     zerolog.Logger
	// LogLevel is handed to deputies; empty means warn.
	LogLevel string
	// FalseClock is handed to deputies (control.Start).
	FalseClock int64
	// MoveTimeout bounds one move; 0: DefaultMoveTimeout.
	MoveTimeout time.Duration
}

// AttachMode says when deputies of this machine are allowed to trace.
type AttachMode string

// The attach modes.
const (
	AttachLate  AttachMode = "late"  // at any time
	AttachEarly AttachMode = "early" // only who allows it by name before its exec (Yama)
	AttachNone  AttachMode = "none"  // never
)

// The bounds on waiting for a deputy.
const (
	DefaultMoveTimeout = 10 * time.Minute // a large process over a slow link
	attachTimeout      = 10 * time.Second
	admitTimeout       = 10 * time.Second
	rejoinTimeout      = 5 * time.Second
)
