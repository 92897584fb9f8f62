package abi

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// scene is a system call in a world made for it. set makes the world, fills the
// program's memory and is the call's arguments; it runs once for each way.
type scene struct {
	name string
	nr   uint64
	set  func(w *world, a *arena) [6]uint64
	ok   bool // the call must succeed
}

// world is what a scene needs of the kernel; it ends with the scene.
type world struct {
	t     *testing.T
	dir   string
	fds   []int
	after []func()
}

func (w *world) keep(fds ...int) { w.fds = append(w.fds, fds...) }

func (w *world) end() {
	for _, f := range w.after {
		f()
	}
	for _, fd := range w.fds {
		unix.Close(fd)
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// file is a descriptor of a file that says "hello, world\n".
func (w *world) file() uint64 {
	name := filepath.Join(w.dir, "file")
	w.must(os.WriteFile(name, []byte("hello, world\n"), 0o644))
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC, 0)
	w.must(err)
	w.keep(fd)
	return uint64(fd)
}

// pair are two connected sockets.
func (w *world) pair(kind int) (uint64, int) {
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	w.must(err)
	w.keep(fds[0], fds[1])
	return uint64(fds[0]), fds[1]
}

// pipe is a pipe that holds some bytes.
func (w *world) pipe(content string) (uint64, uint64) {
	var fds [2]int
	w.must(unix.Pipe2(fds[:], unix.O_CLOEXEC))
	w.keep(fds[0], fds[1])
	if content != "" {
		_, err := unix.Write(fds[1], []byte(content))
		w.must(err)
	}
	return uint64(fds[0]), uint64(fds[1])
}

// tty is the slave of a new pseudo terminal.
func (w *world) tty() uint64 {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		w.t.Skip("no pseudo terminals: ", err)
	}
	w.keep(master)
	w.must(unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &unix.Winsize{Row: 7, Col: 9}))
	w.must(unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0))
	r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY)
	if errno != 0 {
		w.t.Skip("no pseudo terminals: ", errno)
	}
	w.keep(int(r))
	return uint64(r)
}

// words are 64-bit words as memory holds them.
func words(values ...uint64) (b []byte) {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// TestOracle makes each call twice: directly, and planned with its memory at other
// addresses. Result and memory must be the same afterwards.
func TestOracle(t *testing.T) {
	for _, s := range oracleScenes() {
		t.Run(s.name, func(t *testing.T) {
			a, dir := newArena(t, 16*PageSize), t.TempDir()
			run := func(make func(args [6]uint64) int64) (int64, []byte) {
				a.reset()
				w := &world{t: t, dir: dir}
				defer w.end()
				ret := make(s.set(w, a))
				return ret, bytes.Clone(a.bytes)
			}
			direct, want := run(func(args [6]uint64) int64 { return call(s.nr, args) })
			planned, got := run(func(args [6]uint64) int64 { return callElsewhere(t, a, s, args) })
			if direct != planned {
				t.Fatalf("result %s, planned %s", errnoName(direct), errnoName(planned))
			}
			if Failed(direct) == s.ok {
				t.Fatalf("result %s", errnoName(direct))
			}
			reportDifference(t, want, got)
		})
	}
}

func reportDifference(t *testing.T, want, got []byte) {
	for i := range want {
		if want[i] != got[i] {
			end := min(i+32, len(want))
			t.Fatalf("memory differs at %#x: % x, planned % x", i, want[i:end], got[i:end])
		}
	}
}

func oracleScenes() []scene {
	var all []scene
	for _, group := range [][]scene{fileScenes, nameScenes, waitScenes, socketScenes, messageScenes, otherScenes} {
		all = append(all, group...)
	}
	return all
}
