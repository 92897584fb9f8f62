package remote

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
	"umosix/wire"
)

// ownFiles are the files that a guest's process has to itself (snapshot.OwnFile), as the guest
// maps them: memory files that are only its own. What the program stores there goes home
// before anything else that it does there, so that whoever learns of a store finds it in
// the file; and in any case soon.
type ownFiles struct {
	g     *guest // which came with them; a child of vfork has them, too
	files map[image.File]*os.File
	views []*view
}

// view is a part of such a file that the program has mapped.
type view struct {
	file  image.File
	from  uint64 // where in the file, in bytes
	bytes []byte // its memory, which the program has, too
	home  []byte // what is there at home
}

// flushEach is how long what a program has stored may stay here.
const flushEach = 100 * time.Millisecond

// storeUnit is what stores are rounded to, in bytes: a number is not to be seen in halves.
const storeUnit = 8

// openOwn returns the memory of a file that the guest has to itself.
func (g *guest) openOwn(f image.File) (*os.File, error) {
	if g.ownFiles == nil {
		g.ownFiles = &ownFiles{g: g, files: map[image.File]*os.File{}}
	}
	file := g.ownFiles.files[f]
	if file == nil {
		var err error
		if file, err = newMemory(f); err != nil {
			return nil, err
		}
		g.ownFiles.files[f] = file
	}
	return file, nil
}

// watchOwn begins to compare what the guest may write to with what home has. Its memory
// is complete.
func (g *guest) watchOwn() error {
	if g.ownFiles == nil {
		return nil
	}
	total := uint64(0)
	for _, m := range g.image.Mappings {
		if m.File < 0 || m.Flags&unix.MAP_SHARED == 0 {
			continue
		}
		f := g.image.Files[m.File]
		file := g.ownFiles.files[f]
		if file == nil || m.Offset >= uint64(f.Size) {
			continue
		}
		end := min(m.Offset+uint64(m.End-m.Start), (uint64(f.Size)+abi.PageSize-1)&^(abi.PageSize-1))
		if total += end - m.Offset; total > snapshot.MaxOwn {
			return fmt.Errorf("%d bytes of shared memory are too many", total)
		}
		memory, err := unix.Mmap(int(file.Fd()), int64(m.Offset), int(end-m.Offset), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return fmt.Errorf("view of %s: %w", f.Path, err)
		}
		g.ownFiles.views = append(g.ownFiles.views, &view{file: f, from: m.Offset, bytes: memory, home: bytes.Clone(memory)})
	}
	g.x.flushOwn.Do(func() { go g.x.flushAll() })
	return nil
}

// flushAll sends home, again and again, what guests have stored.
func (x *Executor) flushAll() {
	for range time.Tick(flushEach) {
		x.tracer.Post(func() {
			for _, g := range x.guests {
				if g.stage == alive {
					g.ownFiles.flush()
				}
			}
		})
	}
}

// flush sends home what the program has stored since the last time.
func (o *ownFiles) flush() {
	if o == nil {
		return
	}
	for _, v := range o.views {
		runs, data := v.changes()
		if len(runs) > 0 {
			o.g.x.send(o.g.header(wire.TypeStores), &wire.Stores{Dev: v.file.Dev, Ino: v.file.Ino, Runs: runs}, data)
		}
	}
}

// changes takes what has changed. The program may go on writing meanwhile: what is taken
// is what home will have.
func (v *view) changes() (runs []wire.StoreRun, data []byte) {
	var page [abi.PageSize]byte
	for at := 0; at < len(v.bytes); at += abi.PageSize {
		if bytes.Equal(v.bytes[at:at+abi.PageSize], v.home[at:at+abi.PageSize]) {
			continue
		}
		copy(page[:], v.bytes[at:])
		home := v.home[at : at+abi.PageSize]
		for off := 0; off < abi.PageSize; off += storeUnit {
			unit := page[off : off+storeUnit]
			if bytes.Equal(unit, home[off:off+storeUnit]) {
				continue
			}
			data = append(data, unit...)
			offset := v.from + uint64(at+off)
			if n := len(runs); n > 0 && runs[n-1].Offset+uint64(runs[n-1].Len) == offset {
				runs[n-1].Len += storeUnit
			} else {
				runs = append(runs, wire.StoreRun{Offset: offset, Len: storeUnit})
			}
		}
		copy(home, page[:])
	}
	return runs, data
}

// msync has home write out what the guest has stored in such a file; other memory here is
// nobody else's.
func (t *task) msync(row *abi.Row, nr uint64, args [6]uint64) {
	switch at, size := abi.Addr(args[0]), args[1]; {
	case t.g.ownHolds(at, size):
		t.forward(row, nr, args)
	case t.g.sharesFileIn(at, size):
		t.askHome("it writes out a file beside other memory")
	default:
		t.makeIt()
	}
}

// ownHolds tells whether a range of addresses lies in one mapping of such a file.
func (g *guest) ownHolds(at abi.Addr, size uint64) bool {
	m := g.image.At(at)
	return m != nil && m.File >= 0 && g.image.Files[m.File].Own && size <= uint64(m.End-at)
}

// close gives the memory back.
func (o *ownFiles) close() {
	for _, v := range o.views {
		unix.Munmap(v.bytes)
	}
	for _, file := range o.files {
		file.Close()
	}
	o.views, o.files = nil, nil
}

// leaveOwn sends the last stores of a guest that runs no more.
func (g *guest) leaveOwn() {
	g.ownFiles.flush()
	if g.ownFiles != nil && g.ownFiles.g == g {
		g.ownFiles.close()
	}
	g.ownFiles = nil
}
