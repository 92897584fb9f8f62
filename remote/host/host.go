package host

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"umosix/wire"
	"umosix/wire/control"
)

// Config is what a Host is made from.
type Config struct {
	Self   wire.NodeID
	Uid    int    // that mosd runs as; under 0 each job's executor has a uid of its own
	Dir    string // mosd's state directory
	Socket string // its control socket
	Grace  time.Duration
	Hello  control.PeerHello
	// Policy is what holds now.
	Policy func() Policy
	// Credentials are mosd's own.
	Credentials func() (control.Credentials, error)
	// Issue makes the certificate of an executor.
	Issue func(job string, uid int) (control.Credentials, error)
	// Return moves a process of this home that is a guest on the asking node.
	Return   func(ctx context.Context, from wire.NodeID, ask control.Return) (control.Migrated, error)
	Launch   Launch // nil: this binary as `mosix executor`
	Log      zerolog.Logger
	LogLevel string
	// FalseClock is handed to executors (control.Start).
	FalseClock int64
	// WeakCage is handed to executors (control.Start).
	WeakCage bool
}

// Host admits guests. It implements control.GuestVerbs.
type Host struct {
	cfg     Config
	log     zerolog.Logger
	tickets tickets
	life    context.Context
	end     context.CancelFunc
	busy    sync.WaitGroup

	mu        sync.Mutex // guards the rest, and every executor
	executors map[*executor]struct{}
	uids      map[int]bool // of running executors, under a root mosd
	leaving   bool         // no guest comes in any more
}

// New makes a host that has no guests yet.
func New(cfg Config) *Host {
	h := &Host{
		cfg: cfg, log: cfg.Log,
		executors: make(map[*executor]struct{}),
		uids:      make(map[int]bool),
	}
	if h.cfg.Launch == nil {
		h.cfg.Launch = h.launch
	}
	h.life, h.end = context.WithCancel(context.Background())
	return h
}

// Close ends the connections of other nodes. Executors go on with their links.
func (h *Host) Close() {
	h.mu.Lock()
	h.end()
	for e := range h.executors {
		e.lines.Close()
	}
	h.mu.Unlock()
	h.busy.Wait()
}

// The names of the fields in log lines.
const (
	fieldJob  = "job"
	fieldHome = "home"
	fieldPid  = "pid"
	fieldPeer = "peer"
)
