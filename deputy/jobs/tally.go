package jobs

import (
	"maps"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

// tally is what has been counted of a process or of a whole job. A deputy counts
// from the moment when it takes a process; a process may be taken several times.
type tally struct {
	moves   int
	cpuAway time.Duration
	freeze  time.Duration
	bytes   uint64
	calls   map[string]uint64 // never changed once it is here: a watcher may read it
}

// plus is the sum with what a deputy has said.
func (t tally) plus(s *control.State) tally {
	sum := tally{
		moves: t.moves + s.Moves, cpuAway: t.cpuAway + s.CPUAway,
		freeze: t.freeze + s.Freeze, bytes: t.bytes + s.Bytes, calls: t.calls,
	}
	if len(s.Calls) > 0 {
		sum.calls = maps.Clone(t.calls)
		if sum.calls == nil {
			sum.calls = make(map[string]uint64)
		}
		for name, n := range s.Calls {
			sum.calls[name] += n
		}
	}
	return sum
}

// anew tells whether the deputy's counts have begun anew between two of its
// words: in one go none of them ever falls.
func anew(before, now *control.State) bool {
	if now.Moves < before.Moves || now.CPUAway < before.CPUAway || now.Freeze < before.Freeze || now.Bytes < before.Bytes {
		return true
	}
	for name, n := range before.Calls {
		if now.Calls[name] < n {
			return true
		}
	}
	return false
}

// settle moves the counts of the deputy's last word to those that are settled.
// Called with mu held.
func (p *process) settle() {
	p.before = p.before.plus(&p.said)
	p.said.Moves, p.said.CPUAway, p.said.Freeze, p.said.Bytes, p.said.Calls = 0, 0, 0, 0, nil
}

// hear takes in the deputy's word. Called with mu held.
func (p *process) hear(s *control.State) {
	if anew(&p.said, s) {
		p.settle()
	}
	p.said = *s
	if s.Where == wire.Home {
		select {
		case p.home <- struct{}{}:
		default:
		}
	}
}

// counted is all that was counted of a process. Called with mu held.
func (p *process) counted() tally { return p.before.plus(&p.said) }

// account adds what a process has used to its job's report. Called with mu held.
func (p *process) account(total *control.Report) {
	total.Procs++
	all := p.counted()
	total.Moves += all.moves
	total.CPUHere += p.cpu.Seconds()
	total.CPUAway += all.cpuAway.Seconds()
	total.Freeze += all.freeze.Seconds()
	total.Bytes += all.bytes
	if p.said.Lost {
		total.Lost++
	}
	calls := maps.Clone(total.Calls) // a watcher may be reading the old one
	for name, n := range all.calls {
		calls[name] += n
	}
	total.Calls = calls
}
