package abi

import (
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// arena is memory of this very process that plays the program's: pages that can be
// read and written, and one behind them that cannot.
type arena struct {
	bytes []byte
	whole []byte
	used  int
}

func newArena(t *testing.T, size int) *arena {
	t.Helper()
	whole, err := unix.Mmap(-1, 0, size+PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mprotect(whole[size:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(whole) })
	return &arena{bytes: whole[:size:size], whole: whole}
}

// start is the address of the arena, end that of its first byte without access.
func (a *arena) start() Addr { return Addr(uintptr(unsafe.Pointer(&a.whole[0]))) }
func (a *arena) end() Addr   { return a.start() + Addr(len(a.bytes)) }

// room takes n bytes and is their address.
func (a *arena) room(n int) uint64 {
	at := uint64(a.start()) + uint64(a.used)
	a.used += (n + 15) &^ 15
	return at
}

// put takes room for data.
func (a *arena) put(data []byte) uint64 {
	at := a.room(len(data))
	copy(a.bytes[Addr(at)-a.start():], data)
	return at
}

// str takes room for a string with its NUL.
func (a *arena) str(s string) uint64 { return a.put(append([]byte(s), 0)) }

func (a *arena) reset() { clear(a.bytes); a.used = 0 }

func (a *arena) ReadAt(p []byte, at Addr) (int, error) {
	n := a.Accessible(at, uint64(len(p)), false)
	copy(p, a.bytes[min(at-a.start(), Addr(len(a.bytes))):][:n])
	if n < uint64(len(p)) {
		return int(n), errFault
	}
	return len(p), nil
}

func (a *arena) Accessible(at Addr, n uint64, write bool) uint64 {
	if at < a.start() || at >= a.end() {
		return 0
	}
	return min(n, uint64(a.end()-at))
}

// call makes a system call in this process.
func call(nr uint64, args [6]uint64) int64 {
	r, _, errno := unix.Syscall6(uintptr(nr), uintptr(args[0]), uintptr(args[1]), uintptr(args[2]), uintptr(args[3]),
		uintptr(args[4]), uintptr(args[5]))
	if errno != 0 {
		return -int64(errno)
	}
	return int64(r)
}

// callElsewhere makes the call as a body does: with copies of its memory at other
// addresses, and with only what comes back written to the program's.
func callElsewhere(t *testing.T, a *arena, s scene, args [6]uint64) int64 {
	c, _, refusal := Plan(s.nr, args, a)
	if refusal != "" {
		t.Fatalf("refused: %s", refusal)
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	addrs, data := make([]Addr, len(c.Regions)), make([][]byte, len(c.Regions))
	for i := range c.Regions {
		addrs[i], data[i] = elsewhere(t, a, &c.Regions[i])
		if s.nr == unix.SYS_GETDENTS64 {
			clear(data[i]) // the kernel leaves holes between entries
		}
	}
	ret := call(s.nr, c.Relocate(addrs, data))
	outs := c.Outs(ret, func(i int) []byte { return data[i] })
	if err := c.CheckOuts(outs); err != nil {
		t.Fatal(err)
	}
	for i, n := range outs {
		to := c.Regions[i].Addr - a.start()
		c.Spans(i, n, func(from, end uint32) { copy(a.bytes[to+Addr(from):], data[i][from:end]) })
	}
	runtime.KeepAlive(data)
	return ret
}

// elsewhere copies a region to the same offset in a page, with no access behind it
// if the program has none. What does not travel there is a pattern.
func elsewhere(t *testing.T, a *arena, r *Region) (Addr, []byte) {
	off := int(r.Addr % PageSize)
	size := int(Addr(off + int(r.Avail)).PageUp())
	copied := newArena(t, size)
	at := copied.start() + Addr(off)
	if r.Avail == 0 {
		return copied.end() + r.Addr%PageSize, nil
	}
	data := copied.bytes[off : off+int(r.Avail)]
	for i := range data {
		data[i] = 0xa5
	}
	if r.Dir&In != 0 {
		a.ReadAt(data, r.Addr)
	}
	return at, data
}
