// Package snapshot turns a stopped process into an image and an image into a
// process again. It reads what the kernel shows of a process, has the rest told
// by system calls executed in it, and rebuilds by the same means; one routine
// serves a fresh process at a guest's node and the body at home.
//
// In the order in which things happen:
//
//	Movable                      may it leave at all?
//	Settle, for every task       the task stands where it may be moved
//	Take, Pages                  process -> image, batches of pages
//	Strip                        the body gives its memory back
//	Prepare, Fill..., Finish     image, batches -> process
package snapshot

import (
	"encoding/binary"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// State is what the program sees of a task's processor while the task itself is
// used to execute calls.
type State struct {
	Regs   tracer.Regs
	Mask   uint64
	Xstate []byte // nil: the task's own is the program's
}

// Subject is a stopped process and the means to look into it and to act in it.
// The functions of this package are called on the thread of the tracer, but for
// Pages and Fill, which touch nothing but memory.
type Subject struct {
	Leader *tracer.Task
	Tasks  []*tracer.Task // the leader first
	Pid    abi.HomePid

	// LocalPid is the number of the process here.
	LocalPid abi.LocalPid
	Mem      *tracer.Memory

	// Caller executes system calls in the leader, by an instruction that lies in
	// the window (or nothing but Take, Pages and Strip is used).
	Caller tracer.Caller
	// CallerOf executes them in any task. It may be nil if there is one task.
	CallerOf func(*tracer.Task) tracer.Caller
	// Scratch returns the address of n bytes (8 KiB at most) of writable memory in
	// the window, always the same.
	Scratch func(n int) abi.Addr
	// Window is our reserved range, start and end: never part of an image, never
	// unmapped.
	Window [2]abi.Addr

	// State returns where the program's registers and mask are kept. If it is nil
	// or returns nil, they are in the task, which is stopped then. Finish leaves
	// them in the same place.
	State func(*tracer.Task) *State
	// HomeTid translates the number of a task to the one it has at home. Nil: the
	// two are the same.
	HomeTid func(abi.LocalPid) abi.HomePid

	// Origin is what home's first image said of the process. It is nil at home;
	// elsewhere its vdso, processor and number of CPUs stay the program's own.
	Origin *image.Process
	// WallFunction is where a function lies that shows the wall clock of the program's
	// home in place of that of the vdso (tracer.Loop). Nil: this node's clock is home's.
	WallFunction func(name string) (abi.Addr, bool)
	// FileOf tells which file at home an area maps. It is nil at home, where the
	// area itself says it.
	FileOf func(tracer.Area) (image.File, bool)
	// OpenFile opens a file, for Prepare, as a descriptor of the subject. closeIt
	// tells Prepare to close it in the subject at its end.
	OpenFile func(image.File) (fd int, closeIt bool, err error)

	// Watched tells of a file that the process had to itself that nobody has opened it
	// since. Nil: of none.
	Watched func(dev, ino uint64) bool

	queue    queue                   // calls that wait to be made together
	areas    []tracer.Area           // what Movable has seen, for Take
	own      map[identity]*OwnFile   // files that Movable has found the process to have to itself
	ownBytes uint64                  // of their mappings
	whole    map[abi.Addr]bool       // starts of mappings that Take has turned into anonymous ones: every page is sent
	resident map[abi.Addr][]span     // pages of shared anonymous memory, by the start of its mapping
	wanted   *image.Image            // what Prepare has been told
	kept     pieces                  // what Prepare has kept
	tally    image.Tally             // what Fill has written
	late     []late                  // what Fill has left to Finish
	loose    map[*image.Mapping]bool // mappings that had to be made writable for it
	buf      []byte                  // for Fill
}

// away tells whether the subject is a guest.
func (s *Subject) away() bool { return s.FileOf != nil }

// callerOf is the caller for a task.
func (s *Subject) callerOf(k *tracer.Task) tracer.Caller {
	if s.CallerOf != nil {
		return s.CallerOf(k)
	}
	return s.Caller
}

// homeTid is the number of a task at home.
func (s *Subject) homeTid(k *tracer.Task) abi.HomePid {
	switch {
	case k == s.Leader:
		return s.Pid
	case s.HomeTid != nil:
		return s.HomeTid(k.Tid)
	}
	return abi.HomePid(k.Tid)
}

// state is where the task's state is kept, or nil for the task itself.
func (s *Subject) state(k *tracer.Task) *State {
	if s.State == nil {
		return nil
	}
	return s.State(k)
}

func word(b []byte, off int) uint64 { return binary.LittleEndian.Uint64(b[off:]) }
func half(b []byte, off int) uint32 { return binary.LittleEndian.Uint32(b[off:]) }
func words(w ...uint64) (b []byte) {
	for _, v := range w {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// span is a range of addresses.
type span struct{ start, end abi.Addr }

func (p span) empty() bool             { return p.start >= p.end }
func (p span) len() uint64             { return uint64(p.end - p.start) }
func (p span) cut(q span) span         { return span{max(p.start, q.start), min(p.end, q.end)} }
func (p span) overlaps(q span) bool    { return p.start < q.end && q.start < p.end }
func (s *Subject) window() span        { return span{s.Window[0], s.Window[1]} }
func spanOf(a tracer.Area) span        { return span{a.Start, a.End} }
func wantedSpan(m *image.Mapping) span { return span{m.Start, m.End} }

// minus returns what is left of p without holes, which are ascending and do not
// overlap.
func (p span) minus(holes []span) []span {
	var left []span
	at := p.start
	for _, h := range holes {
		if h.end <= at || h.start >= p.end {
			continue
		}
		if h.start > at {
			left = append(left, span{at, h.start})
		}
		at = h.end
	}
	if at < p.end {
		left = append(left, span{at, p.end})
	}
	return left
}

// joined returns ascending spans with those that touch made one.
func joined(spans []span) []span {
	var out []span
	for _, p := range spans {
		if n := len(out); n > 0 && out[n-1].end == p.start {
			out[n-1].end = p.end
		} else if !p.empty() {
			out = append(out, p)
		}
	}
	return out
}
