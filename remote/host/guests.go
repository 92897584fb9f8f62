package host

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

// maxCommand bounds the command line of a guest, in bytes: its home said it.
const maxCommand = 512

// Guests is mosps -g: the processes of other homes that run here.
func (h *Host) Guests(context.Context) ([]control.Process, error) {
	h.mu.Lock()
	list := make([]control.Process, 0, len(h.executors))
	for e := range h.executors {
		for i := range e.guests {
			list = append(list, e.line(&e.guests[i], h.cfg.Self))
		}
	}
	h.mu.Unlock()
	slices.SortFunc(list, func(a, b control.Process) int {
		return cmp.Or(cmp.Compare(a.Home, b.Home), cmp.Compare(a.Pid, b.Pid))
	})
	return list, nil
}

func (e *executor) line(g *control.Guest, here wire.NodeID) control.Process {
	return control.Process{
		Pid: g.Pid, Job: e.job, Home: e.home, Where: here, State: "R",
		CPU: g.CPU.Seconds(), RSS: g.RSS, Threads: g.Threads, Command: printable(g.Command),
	}
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text[:min(len(text), maxCommand)])
}

// Count is how many guests are here.
func (h *Host) Count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for e := range h.executors {
		n += len(e.guests)
	}
	return n
}

// strength orders the cages, the weakest first.
var strength = map[string]int{"seccomp": 1, "seccomp+landlock": 2, CageFull: 3}

// Cage is the weakest cage that an executor here has said to run in; empty where
// there is none.
func (h *Host) Cage() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	weakest := ""
	for e := range h.executors {
		if e.cage != "" && (weakest == "" || strength[e.cage] < strength[weakest]) {
			weakest = e.cage
		}
	}
	return weakest
}

// idleGrace is how long an executor that was asked to leave and has no guests is
// waited for: nothing is lost if it takes longer.
const idleGrace = 3 * time.Second

// Expel sends all guests away and waits until they have gone. The caller has
// blocked the node before, so that no more come in.
func (h *Host) Expel(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	h.mu.Lock()
	var all []*executor
	for e := range h.executors {
		all = append(all, e)
	}
	h.mu.Unlock()
	for _, e := range all {
		e.lines.Send(control.ToExecutor{Leave: true})
	}
	failures := make([]error, len(all))
	var waiting sync.WaitGroup
	for i, e := range all {
		waiting.Go(func() { failures[i] = e.awaitLeave(ctx) })
	}
	waiting.Wait()
	return errors.Join(failures...)
}

// awaitLeave waits until an executor has ended, or has had no guests for a while.
func (e *executor) awaitLeave(ctx context.Context) error {
	tick := time.NewTicker(idleGrace / 10)
	defer tick.Stop()
	for idle := time.Duration(0); idle < idleGrace; {
		select {
		case <-e.ended:
			return nil
		case <-ctx.Done():
			return control.Refused("job %s of node %v has not taken its guests home yet (executor pid %d)", e.job, e.home, e.pid)
		case <-tick.C:
		}
		if idle += idleGrace / 10; e.busy() {
			idle = 0
		}
	}
	e.host.log.Warn().Str(fieldJob, e.job).Int(fieldPid, e.pid).Msg("executor without guests does not end")
	return nil
}

// busy tells whether an executor has guests.
func (e *executor) busy() bool {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	return len(e.guests) > 0
}

// Leave is Expel for the end of mosd: nothing comes in any more.
func (h *Host) Leave(ctx context.Context) error {
	h.mu.Lock()
	h.leaving = true
	h.mu.Unlock()
	return h.Expel(ctx)
}

func (h *Host) isLeaving() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.leaving
}
