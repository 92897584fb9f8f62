package remote

import (
	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/wire"
	"umosix/wire/link"
)

// mapping is a file mapping that the guest has asked for.
type mapping struct{ args [6]uint64 }

// mmap makes an anonymous mapping here, and asks home about a file.
func (g *guest) mmap(args [6]uint64) {
	flags := args[3]
	g.mem.forget()
	switch {
	case flags&unix.MAP_ANONYMOUS != 0 && flags&unix.MAP_TYPE == unix.MAP_PRIVATE:
		g.makeIt()
	case flags&unix.MAP_ANONYMOUS != 0:
		g.askHome("it shares memory")
	case flags&unix.MAP_TYPE != unix.MAP_PRIVATE && !readsShared(args):
		g.askHome("it maps a file shared")
	default:
		g.mapping = &mapping{args}
		m := wire.MapFile{Addr: abi.Addr(args[0]), Length: args[1], Prot: uint32(args[2]), Flags: uint32(flags), Fd: int32(args[4]), Offset: args[5]}
		g.state = waiting
		seq, err := g.x.link.SendNumbered(g.header(wire.TypeMapFile), &m)
		if err != nil {
			g.x.end(err)
		}
		g.seq = seq
	}
}

// readsShared tells whether a mapping is a shared one that is only read. Home knows
// whether others may write to its file.
func readsShared(args [6]uint64) bool {
	return args[3]&unix.MAP_TYPE == unix.MAP_SHARED && args[2]&unix.PROT_WRITE == 0
}

// takeMapped makes the mapping here as home's body has it.
func (g *guest) takeMapped(f *link.Frame) error {
	var m wire.Mapped
	if err := f.Decode(&m); err != nil {
		return err
	}
	if g.state != waiting || g.mapping == nil || f.Ack != g.seq {
		return nil
	}
	args := g.mapping.args
	g.mapping = nil
	switch {
	case m.Errno > 0:
		g.finish(-int64(m.Errno))
	case m.Errno < 0:
		g.state = running
		g.askHome("it maps a file that cannot be mapped away from home")
	default:
		if err := g.mapHere(&m, args); err != nil {
			g.fail("file not mapped", err)
		}
	}
	return nil
}

// mapHere maps the contents of the file, which have arrived, and has the body's
// mapping moved to the same address.
func (g *guest) mapHere(m *wire.Mapped, args [6]uint64) error {
	call := g.injecting()
	kept := g.regs
	fd, err := g.openFile(call, m.File)
	if err != nil {
		return err
	}
	ret, err := call.Call(unix.SYS_MMAP, args[0], args[1], args[2], args[3], uint64(fd), args[5])
	if err != nil {
		return err
	}
	g.regs = kept
	if abi.Failed(ret) {
		g.tell(unix.SYS_MUNMAP, [6]uint64{uint64(m.At), args[1]})
	} else {
		g.tell(unix.SYS_MREMAP, [6]uint64{uint64(m.At), args[1], args[1], unix.MREMAP_MAYMOVE | unix.MREMAP_FIXED, uint64(ret)})
	}
	g.finish(ret)
	return nil
}

// mremap is the guest's own affair unless a file mapping grows: its contents
// would be home's.
func (g *guest) mremap(args [6]uint64) {
	from, size, to := abi.Addr(args[0]), args[1], args[2]
	g.mem.forget()
	if to > size && g.mapsFile(from) {
		g.askHome("it enlarges a file mapping")
		return
	}
	g.makeIt()
}

func (g *guest) mapsFile(at abi.Addr) bool {
	g.mem.Accessible(at, 1<<40, false) // reads the mappings
	for _, a := range g.mem.areas {
		if a.Start <= at && at < a.End {
			return a.Ino != 0
		}
	}
	return false
}
