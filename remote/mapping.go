package remote

import (
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/wire"
	"umosix/wire/link"
)

// mapping is a file mapping that the guest has asked for.
type mapping struct{ args [6]uint64 }

// mmap makes an anonymous mapping here, and asks home about a file.
func (t *task) mmap(args [6]uint64) {
	flags := args[3]
	t.g.mem.forget()
	switch {
	case flags&unix.MAP_FIXED != 0 && t.g.sharesIn(abi.Addr(args[0]), args[1]):
		t.askHome("it maps over shared memory")
	case flags&unix.MAP_ANONYMOUS != 0 && flags&unix.MAP_TYPE == unix.MAP_PRIVATE:
		t.makeIt()
	case flags&unix.MAP_ANONYMOUS != 0:
		t.askHome("it shares memory")
	case flags&unix.MAP_TYPE != unix.MAP_PRIVATE && !readsShared(args):
		t.askHome("it maps a file shared")
	default:
		t.mapping = &mapping{args}
		m := wire.MapFile{Addr: abi.Addr(args[0]), Length: args[1], Prot: uint32(args[2]), Flags: uint32(flags), Fd: int32(args[4]), Offset: args[5]}
		t.state = waiting
		seq, err := t.g.x.link.SendNumbered(t.header(wire.TypeMapFile), &m)
		if err != nil {
			t.g.x.end(err)
		}
		t.seq = seq
	}
}

// readsShared tells whether a mapping is a shared one that is only read. Home knows
// whether others may write to its file.
func readsShared(args [6]uint64) bool {
	return args[3]&unix.MAP_TYPE == unix.MAP_SHARED && args[2]&unix.PROT_WRITE == 0
}

// takeMapped makes the mapping here as home's body has it.
func (t *task) takeMapped(f *link.Frame) error {
	var m wire.Mapped
	if err := f.Decode(&m); err != nil {
		return err
	}
	if t.g.stage != alive || t.state != waiting || t.mapping == nil || f.Ack != t.seq {
		return nil
	}
	args := t.mapping.args
	t.mapping = nil
	switch {
	case m.Errno > 0:
		t.finish(-int64(m.Errno))
	case m.Errno < 0:
		t.state = running
		t.askHome("it maps a file that cannot be mapped away from home")
	default:
		if err := t.mapHere(&m, args); err != nil {
			t.g.fail("file not mapped", err)
		}
	}
	return nil
}

// mapHere maps the contents of the file, which have arrived, and has the body's
// mapping moved to the same address.
func (t *task) mapHere(m *wire.Mapped, args [6]uint64) error {
	call := t.injecting()
	kept := t.regs
	fd, err := t.g.openFile(call, m.File)
	if err != nil {
		return err
	}
	ret, err := call.Call(unix.SYS_MMAP, args[0], args[1], args[2], args[3], uint64(fd), args[5])
	if err != nil {
		return err
	}
	t.regs = kept
	if abi.Failed(ret) {
		t.tell(unix.SYS_MUNMAP, [6]uint64{uint64(m.At), args[1]})
	} else {
		t.tell(unix.SYS_MREMAP, [6]uint64{uint64(m.At), args[1], args[1], unix.MREMAP_MAYMOVE | unix.MREMAP_FIXED, uint64(ret)})
	}
	t.finish(ret)
	return nil
}

// sharesMemory tells whether the guest has shared memory that can be written to. It makes
// none here, and what it has stays where and as large as it is: home has the memory that it
// belongs to.
func (g *guest) sharesMemory() bool { return g.sharesIn(0, uint64(abi.TaskSize)) }

// sharesIn tells whether such memory came to lie in a range.
func (g *guest) sharesIn(at abi.Addr, size uint64) bool {
	return g.sharesFileIn(at, size) || g.hasIn(at, size, func(m *image.Mapping) bool { return m.File < 0 })
}

// sharesFileIn is sharesIn for memory of a file.
func (g *guest) sharesFileIn(at abi.Addr, size uint64) bool {
	return g.hasIn(at, size, func(m *image.Mapping) bool { return m.File >= 0 && g.image.Files[m.File].Own })
}

// hasIn tells whether such a shared mapping came to lie in a range.
func (g *guest) hasIn(at abi.Addr, size uint64, such func(*image.Mapping) bool) bool {
	return slices.ContainsFunc(g.image.Mappings, func(m image.Mapping) bool {
		return m.Flags&unix.MAP_SHARED != 0 && m.Start < at+abi.Addr(size) && at < m.End && such(&m)
	})
}

func (t *task) munmap(args [6]uint64) {
	if t.g.sharesIn(abi.Addr(args[0]), args[1]) {
		t.askHome("it gives shared memory back")
		return
	}
	t.g.mem.forget()
	t.makeIt()
}

// mremap is the guest's own affair unless a file mapping grows, whose contents would be
// home's, or it is of shared memory.
func (t *task) mremap(args [6]uint64) {
	from, size, to := abi.Addr(args[0]), args[1], args[2]
	t.g.mem.forget()
	if t.g.sharesIn(from, max(size, abi.PageSize)) || args[3]&unix.MREMAP_FIXED != 0 && t.g.sharesIn(abi.Addr(args[4]), uint64(to)) {
		t.askHome("it moves shared memory")
		return
	}
	if to > size && t.mapsFile(from) {
		t.askHome("it enlarges a file mapping")
		return
	}
	t.makeIt()
}

func (t *task) mapsFile(at abi.Addr) bool {
	if t.g.mem.look() != nil {
		return false
	}
	for _, a := range t.g.mem.areas {
		if a.Start <= at && at < a.End {
			return a.Ino != 0
		}
	}
	return false
}
