package abi

import (
	"encoding/binary"
	"fmt"
	"sync"
)

// The bounds of one forwarded call. What is beyond them is made at home.
const (
	MaxCallBytes = 60 << 20   // bytes of memory that a call touches, all regions and the gaps between them together
	MaxRegions   = 4096       // pieces of memory that a call touches
	MaxRW        = 0x7ffff000 // MAX_RW_COUNT: the kernel moves no more than that at once (man 2 read)
	maxIov       = 1024       // UIO_MAXIOV

	// gap is what is lost at most between two regions that lie one after the other, each
	// at its offset in its page and with an inaccessible page behind it.
	gap = 3 * PageSize
)

// Refusal says why a call cannot be made away from home; empty if it can.
type Refusal string

// planner computes the regions of one call.
type planner struct {
	call    *Call
	args    *[6]uint64
	row     *Row
	mem     Memory
	total   uint64
	faults  bool // the kernel may come to memory that it cannot write
	refused Refusal
	buf     [4096]byte // what was read last
}

var planners = sync.Pool{New: func() any { return new(planner) }}

// Plan describes a call that a process is about to make: the registers and all the
// memory that the kernel will look at or write. The row is nil if the number has
// none. If the refusal is not empty the call must be made at home; the Call is then
// of no use. A call that is native or local is described all the same.
func Plan(nr uint64, args [6]uint64, mem Memory) (Call, *Row, Refusal) {
	var c Call
	row, refusal := PlanInto(&c, nr, args, mem)
	return c, row, refusal
}

// PlanInto is Plan into a Call that is used again: its Regions keep their room.
func PlanInto(c *Call, nr uint64, args [6]uint64, mem Memory) (*Row, Refusal) {
	c.Nr, c.Args, c.Regions = nr, args, c.Regions[:0]
	row := Lookup(nr)
	if row == nil {
		return nil, Refusal(fmt.Sprintf("unknown system call %d", uint32(nr)))
	}
	if row.Place(&c.Args) == ComeHome {
		return row, row.refusal()
	}
	p := planners.Get().(*planner)
	p.call, p.args, p.row, p.mem, p.total, p.faults, p.refused = c, &c.Args, row, mem, 0, false, ""
	for i := range row.Args {
		if p.arg(i); p.refused != "" {
			break
		}
	}
	if p.faults {
		p.bringAllBack()
	}
	refused := p.refused
	p.call, p.args, p.mem = nil, nil, nil
	planners.Put(p)
	return row, refused
}

// refusal is the reason for a call that is not made away from home.
func (r *Row) refusal() Refusal {
	if r.Note == "" {
		return Refusal(r.Name)
	}
	return Refusal(r.Name + ": " + r.Note)
}

// refuse ends the planning: the call must be made at home.
func (p *planner) refuse(format string, args ...any) {
	if p.refused == "" {
		p.refused = Refusal(p.row.Name + ": " + fmt.Sprintf(format, args...))
	}
}

// arg adds the regions of one argument.
func (p *planner) arg(i int) {
	a := &p.row.Args[i]
	switch a.Kind {
	case String:
		p.str(i, Addr(p.args[i]), uint64(a.Size))
	case Struct:
		p.structArg(i, a)
	case Buffer:
		p.buffer(i, a)
	case Special:
		if p.args[i] != 0 {
			a.plan(p, i)
		}
	}
}

// structArg adds a struct. One that the kernel may fail to write without failing
// the call travels one way if the program keeps it in read-only memory.
func (p *planner) structArg(i int, a *Arg) {
	at, dir, rule := Addr(p.args[i]), a.Dir, OutRule{Kind: a.Out}
	if a.Soft && p.mem.Accessible(at, uint64(a.Size), true) < uint64(a.Size) {
		dir, rule = In, OutRule{}
	}
	p.region(at, uint64(a.Size), dir, arg(i), rule)
}

// fixed adds an argument of a size that only its planner knows. What travels both
// ways comes back always, as with inout.
func (p *planner) fixed(i int, size uint64, dir Dir) int {
	return p.region(Addr(p.args[i]), size, dir, arg(i), comesBack(dir))
}

// comesBack is the rule of a region that comes back whole.
func comesBack(dir Dir) OutRule {
	switch dir {
	case Out:
		return OutRule{Kind: OutAll}
	case InOut:
		return OutRule{Kind: OutAlways}
	}
	return OutRule{}
}

// buffer adds an array whose length stands in another argument.
func (p *planner) buffer(i int, a *Arg) {
	n := p.length(int(a.Len), a.Width)
	size := min(n*uint64(a.Size), MaxRW) + uint64(a.Plus)
	p.region(Addr(p.args[i]), size, a.Dir, arg(i), OutRule{Kind: a.Out, Unit: uint64(a.Size), Plus: a.Plus})
}

// length is the number in an argument as the kernel reads it, MaxRW at most.
func (p *planner) length(i int, w Width) uint64 {
	n := p.args[i]
	switch w {
	case Uint:
		n = uint64(uint32(n))
	case Signed:
		if int32(n) < 0 {
			return 0
		}
		n = uint64(uint32(n))
	}
	return min(n, MaxRW)
}

// arg is the place of a pointer in an argument.
func arg(i int) Pointer { return Pointer{Region: -1, Offset: uint32(i)} }

// region adds a piece of memory and is its index, or -1 if there is none to add.
func (p *planner) region(at Addr, size uint64, dir Dir, where Pointer, rule OutRule) int {
	if at == 0 || size == 0 || p.refused != "" {
		return -1
	}
	avail := min(p.mem.Accessible(at, size, dir&Out != 0), size)
	if avail < size && dir&Out != 0 {
		p.faults = true
		if dir == InOut && p.mem.Accessible(at, size, false) > avail {
			p.refuse("it reads memory that it cannot write")
			return -1
		}
		if beyond(at, size) && dir == InOut {
			rule = OutRule{Kind: OutAll}
		}
	}
	if p.total += avail + gap; p.total > MaxCallBytes {
		p.refuse("more than %d MiB of memory at once", MaxCallBytes>>20)
		return -1
	}
	if len(p.call.Regions) == MaxRegions {
		p.refuse("more than %d pieces of memory at once", MaxRegions)
		return -1
	}
	p.call.Regions = append(p.call.Regions, Region{Addr: at, Len: size, Avail: avail, Dir: dir, At: where, Out: rule})
	return len(p.call.Regions) - 1
}

// beyond tells memory that ends outside of user space. The kernel notices that of
// what it is to write at once, and then writes nothing of it.
func beyond(at Addr, size uint64) bool {
	return at >= TaskSize || size > uint64(TaskSize-at)
}

// bringAllBack has every region come back that the kernel writes: it writes what it
// can before it fails.
func (p *planner) bringAllBack() {
	for i := range p.call.Regions {
		r := &p.call.Regions[i]
		if r.Dir&Out != 0 && (!beyond(r.Addr, r.Len) || r.Out.Plus > 0) { // what is in front is written by itself
			r.Dir, r.Out = InOut, comesBack(InOut)
		}
	}
}

// header adds a region and reads it; nil if it is not all there.
// The bytes are good until the next read.
func (p *planner) header(at Addr, size int, dir Dir, where Pointer, rule OutRule) (region int, words []byte) {
	region = p.region(at, uint64(size), dir, where, rule)
	if region < 0 || p.call.Regions[region].Avail < uint64(size) {
		return region, nil
	}
	return region, p.read(at, size)
}

// read reads size bytes, nil if they are not all there; len(p.buf) bytes at most.
func (p *planner) read(at Addr, size int) []byte {
	if size > len(p.buf) {
		return nil
	}
	if n, err := p.mem.ReadAt(p.buf[:size], at); err != nil || n < size {
		return nil
	}
	return p.buf[:size]
}

// u32 and u64 read the kernel's words.
func u32(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
func u64(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
