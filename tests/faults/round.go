// Package faults owns the tests that kill parts of the product, and cut links, at
// random moments: nothing may hang, nothing may be left on either side, every exit
// status must be true, and what runs at home must not notice.
package faults

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"time"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

// Bounds of the contract: how long after a fault the truth must be known.
const (
	grace      = 2 * time.Second // of a cut link, given to mosrun
	deathLimit = 5 * time.Second // after the death of a peer process
	cleanLimit = 5 * time.Second // until nothing is left of a job that has ended
	runLimit   = 60 * time.Second
)

// fault is one way to harm a job that is away or on its way.
type fault struct {
	name string
	// survives: the job must end as if nothing had happened. Otherwise it may also
	// be lost with its node, within limit of the fault.
	survives bool
	limit    time.Duration
	cable    bool // it needs a cable that can be pulled
	strike   func(*round) error
	mend     func(*round) error
}

// faults in the order in which rounds take them.
var faults = []fault{
	{name: "executor", limit: deathLimit, strike: kill(away, harness.Executor)},
	{name: "deputy", limit: deathLimit, strike: kill(home, harness.Deputy)},
	{name: "remote mosd", survives: true, limit: deathLimit, strike: kill(away, harness.Mosd), mend: restart(away)},
	{name: "home mosd", survives: true, limit: deathLimit, strike: kill(home, harness.Mosd), mend: restart(home)},
	{name: "link cut and healed", survives: true, limit: deathLimit, cable: true, strike: cutBriefly, mend: heal},
	{name: "program", limit: deathLimit, strike: killProgram},
	{name: "link cut", limit: grace + deathLimit, cable: true, strike: cut, mend: heal},
}

// The nodes of a round.
const (
	home = 1
	away = 2
)

// round is one job, one fault and one moment.
type round struct {
	number  int
	fault   fault
	program programs.Program
	moment  time.Duration // after the move began
	nodes   *harness.Nodes
	rand    *rand.Rand
	pid     int // of the program, as its node numbers it
}

// String names the round so that it can be repeated.
func (r *round) String() string {
	return fmt.Sprintf("round %d: %s, %v after the move of %s began", r.number, r.fault.name, r.moment, r.program.Name)
}

func kill(node int, half harness.Half) func(*round) error {
	return func(r *round) error {
		n := r.nodes.Node(node)
		for _, pid := range n.Pids(half) {
			if err := n.Kill(half, pid); err != nil && slices.Contains(n.Pids(half), pid) {
				return err
			}
		}
		return nil // nobody to kill: the move has not come that far, or is over
	}
}

// killProgram kills the program itself, wherever it is: its body is at home.
func killProgram(r *round) error {
	r.nodes.Node(home).Run("kill", "-KILL", strconv.Itoa(r.pid)) // it may have ended
	return nil
}

func restart(node int) func(*round) error {
	return func(r *round) error { return r.nodes.Node(node).StartMosd() }
}

func cut(r *round) error  { return r.nodes.Node(away).Cut() }
func heal(r *round) error { return r.nodes.Node(away).Heal() }

func cutBriefly(r *round) error {
	return r.nodes.Node(away).CutFor(time.Duration(r.rand.IntN(int(grace / 3))))
}

// outcome is what a job shows to its caller.
type outcome struct {
	status string
	stdout []byte
}

func outcomeOf(r harness.Result) outcome { return outcome{status: r.Status(), stdout: r.Stdout} }

func (o outcome) same(other outcome) bool {
	return o.status == other.status && bytes.Equal(o.stdout, other.stdout)
}

// lost tells whether a job ended as one that was lost with its node.
func lost(r harness.Result) bool {
	return r.Err == nil && (r.Signal == syscall.SIGKILL || r.Exit == 137)
}

// run plays the round: a job that goes away and is struck, and one that stays at
// home.
func (r *round) run(ms int, want outcome) error {
	n := r.nodes.Node(home)
	job, err := r.start(n, ms)
	if err != nil {
		return err
	}
	bystander, err := r.start(n, ms)
	if err != nil {
		return err
	}
	r.pid = job.Pid
	moving := make(chan struct{})
	go func() {
		defer close(moving)
		_ = n.Migrate(job.Pid, strconv.Itoa(away)) // may fail: that is what is tried here
	}()
	time.Sleep(r.moment)
	if err := r.fault.strike(r); err != nil {
		return fmt.Errorf("strike: %w", err)
	}
	struck := time.Now()
	err = r.judge(job, want, struck)
	if r.fault.mend != nil {
		if mendErr := r.fault.mend(r); mendErr != nil && err == nil {
			err = fmt.Errorf("mend: %w", mendErr)
		}
	}
	if got := bystander.Wait(); !outcomeOf(got).same(want) && err == nil {
		err = fmt.Errorf("the job at home was touched: %v", got)
	}
	<-moving
	if err != nil {
		return err
	}
	return r.clean()
}

func (r *round) start(n *harness.Node, ms int) (*harness.Job, error) {
	dir, err := n.WorkDir()
	if err != nil {
		return nil, err
	}
	return n.Start(harness.Command{
		Args: []string{"mosrun", "-q", "--grace", grace.String(), "--", r.program.Path, strconv.Itoa(ms)}, Dir: dir, Limit: runLimit,
	})
}

// judge waits for the job's end and says whether it is true and in time.
func (r *round) judge(job *harness.Job, want outcome, struck time.Time) error {
	got := job.Wait()
	late := time.Since(struck)
	switch {
	case outcomeOf(got).same(want):
		return nil
	case r.fault.survives:
		return fmt.Errorf("it should have survived: %v", got)
	case !lost(got):
		return fmt.Errorf("it ended neither as natively (%s) nor as lost: %v", want.status, got)
	case late > r.fault.limit:
		return fmt.Errorf("it was known to be lost only %v after the fault, limit %v", late, r.fault.limit)
	}
	return nil
}

// halves waits until no node has a deputy or executor left.
func (r *round) halves() error {
	return harness.Poll(cleanLimit, func() error {
		for i := 1; i <= r.nodes.Len(); i++ {
			for _, half := range []harness.Half{harness.Deputy, harness.Executor} {
				if pids := r.nodes.Node(i).Pids(half); len(pids) > 0 {
					return fmt.Errorf("node %d still has %s %v", i, half, pids)
				}
			}
		}
		return nil
	})
}

// clean waits until neither node has anything left of the round.
func (r *round) clean() error {
	if err := r.halves(); err != nil {
		return err
	}
	return harness.Poll(cleanLimit, func() error {
		for i := 1; i <= r.nodes.Len(); i++ {
			n := r.nodes.Node(i)
			if guests, err := n.Guests(); err != nil || len(guests) > 0 {
				return fmt.Errorf("node %d still has guests %+v (%v)", i, guests, err)
			}
		}
		if jobs, err := r.nodes.Node(home).Ps(); err != nil || len(jobs) > 0 {
			return fmt.Errorf("home still lists %+v (%v)", jobs, err)
		}
		return nil
	})
}
