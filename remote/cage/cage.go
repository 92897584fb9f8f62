// Package cage owns the walls around the guests of one job: namespaces of their
// own with an init that never runs, an empty root, no capabilities, Landlock and
// the system call filter. It makes the processes that become guests, each with
// the pid that it has at home.
package cage

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// The levels of a cage, from the strongest.
const (
	LevelFull     = "full"             // namespaces, no capabilities, Landlock where the kernel has it, seccomp
	LevelLandlock = "seccomp+landlock" // no namespaces: pids and clocks are the node's
	LevelSeccomp  = "seccomp"          // neither namespaces nor Landlock
)

// AnyLevel as Config.Weakest takes whatever walls the node can build.
const AnyLevel = "any"

// ErrPid is returned by Spawn when the pid cannot be reproduced: it is taken, or
// beyond the kernel's limit.
var ErrPid = errors.New("pid cannot be reproduced in the cage")

// Config says what a cage is for.
type Config struct {
	Tracer  *tracer.Tracer
	Weakest string      // LevelFull, LevelLandlock or AnyLevel: weaker walls are refused
	Home    image.Clock // home's clocks at the time of the call of New; zero leaves the node's
	Label   string      // shown by ps on the node, like "guest of node 1"
	// Memory is the limit for all guests together, in bytes; 0 is none. It needs a
	// cgroup that the node's owner has delegated.
	Memory uint64
	Force  string // a level to use although a stronger one may be possible; for tests and operators
	// TrapWallClock traps the calls that show or wait for the time of day. It is for
	// nodes whose wall clock is not home's.
	TrapWallClock bool
	Log           zerolog.Logger
}

// Cage is a set of walls and the first process in them. Its methods Spawn and
// Seal run on the tracer's thread, New and Close anywhere else; the others answer
// from what New found.
type Cage struct {
	cfg   Config
	level string
	home  clockOffset
	exact struct{ pids, clocks bool }

	first   *tracer.Task // pid 1; in a weaker cage an ordinary child
	idle    tracer.Regs  // pid 1's registers between two calls
	memory  *tracer.Memory
	nested  abi.HomePid // pid namespaces made inside the cage's
	group   *cgroup
	spawned []*tracer.Task // on the tracer's thread; only in a weaker cage, where pid 1's end is not theirs
	closing sync.Once
	closed  error
}

// New builds a cage. It takes 1 to 3 ms. An error names the wall that could not
// be built; errors.Is tells the errno.
func New(cfg Config) (*Cage, error) {
	c := &Cage{cfg: cfg, home: offsetFrom(cfg.Home)}
	err := tracer.ErrGone
	cfg.Tracer.Do(func() { err = c.build() })
	if err != nil {
		return nil, fmt.Errorf("build cage: %w", err)
	}
	return c, nil
}

// build tries the levels from the strongest on.
func (c *Cage) build() error {
	if c.cfg.Force == "" || c.cfg.Force == LevelFull {
		err := c.start(true)
		if err == nil || c.cfg.Force == LevelFull {
			return err
		}
		if c.cfg.Weakest == LevelFull {
			return fmt.Errorf("this node cannot build the full cage that is asked for: %w", err)
		}
		c.cfg.Log.Warn().Err(err).Msg("no namespaces for guests, building a weaker cage")
	} else if c.cfg.Weakest == LevelFull {
		return fmt.Errorf("a cage of level %q is forced, but the full one is asked for", c.cfg.Force)
	}
	if err := c.start(false); err != nil {
		return err
	}
	if c.level == LevelSeccomp && c.cfg.Weakest == LevelLandlock {
		return errors.Join(fmt.Errorf("this node has no Landlock for the cage that is asked for"), c.abandon())
	}
	return nil
}

// Insn is the address of a `syscall` instruction in every process that Spawn made.
func (c *Cage) Insn() abi.Addr { return tracer.SeedInsn }

// Level says which walls stand: LevelFull, LevelLandlock or LevelSeccomp.
func (c *Cage) Level() string { return c.level }

// ExactPids tells whether guests have their home pids natively. If not, the
// filter traps getpid and gettid.
func (c *Cage) ExactPids() bool { return c.exact.pids }

// ExactClocks tells whether the monotonic and boot clocks of guests are home's.
func (c *Cage) ExactClocks() bool { return c.exact.clocks }

// First is the local pid of the cage's first process.
func (c *Cage) First() abi.LocalPid { return c.first.Tid }

// closeBound is how long Close waits for killed processes to be gone.
const closeBound = 2 * time.Second

// Close kills every process in the cage and waits until they are gone, 2 s at
// most. In a weaker cage it kills those that Spawn made; what they cloned ends
// with the tracer.
func (c *Cage) Close() error {
	c.closing.Do(func() { c.closed = c.close() })
	return c.closed
}

func (c *Cage) close() error {
	left := c.end()
	c.memory.Close()
	err := c.group.remove()
	if left > 0 {
		err = errors.Join(fmt.Errorf("%d processes still exist after %v", left, closeBound), err)
	}
	if err != nil {
		return fmt.Errorf("close cage: %w", err)
	}
	return nil
}

// end kills everything and reports how many processes are left. The first one
// goes last: while it exists the kernel reaps the others for it. (In a full cage
// there are no others: the end of pid 1 is the end of its namespace.)
func (c *Cage) end() int {
	deadline := time.Now().Add(closeBound)
	alive := false
	c.cfg.Tracer.Do(func() { alive = true })
	if !alive { // the tracer's end has killed them all; the first one is our child
		return c.reapFirst(deadline)
	}
	if left := c.killAndAwait(deadline, func() []*tracer.Task { return c.spawned }); left > 0 {
		return left
	}
	return c.killAndAwait(deadline, func() []*tracer.Task { return []*tracer.Task{c.first} })
}

// killAndAwait kills tasks, lets the tracer's loop reap them, and reports how many
// are left. which runs on the tracer's thread.
func (c *Cage) killAndAwait(deadline time.Time, which func() []*tracer.Task) int {
	for ; ; time.Sleep(100 * time.Microsecond) {
		left := 0
		c.cfg.Tracer.Do(func() { left = kill(which()) })
		if left == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// kill sends SIGKILL to those that are not known to be gone, and counts them.
func kill(tasks []*tracer.Task) (living int) {
	for _, k := range tasks {
		if _, ended := k.Ended(); !ended {
			unix.Kill(int(k.Tid), unix.SIGKILL)
			living++
		}
	}
	return living
}

// reapFirst reaps the first process itself, in place of its tracer.
func (c *Cage) reapFirst(deadline time.Time) int {
	for ; time.Now().Before(deadline); time.Sleep(100 * time.Microsecond) {
		var status unix.WaitStatus
		pid, err := unix.Wait4(int(c.first.Tid), &status, unix.WALL|unix.WNOHANG, nil)
		if err == unix.ECHILD || pid == int(c.first.Tid) {
			return 0
		}
	}
	return 1
}
