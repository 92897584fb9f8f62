package snapshot

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// twoPages makes a file of two pages, 'a' and 'b'.
func twoPages(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	text := append(bytes.Repeat([]byte{'a'}, abi.PageSize), bytes.Repeat([]byte{'b'}, abi.PageSize)...)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMovableNamesReason(t *testing.T) {
	path := compile(t, "pinned")
	for what, want := range map[string]string{
		"nothing": "", "deleted": "", "anonymous": "", "twice": "has shared memory in two places", "shared": "shares writable memory", "file": "shares a file that may be changed",
		"file-rw": "may be made writable", "own": "", "own-large": "too large", "own-opened": "may change", "own-mapped": "shares memory with process", "sysv": "System V", "aio": "asynchronous I/O", "uring": "io_uring",
		"userfaultfd": "userfaultfd", "seccomp": "seccomp filter", "child": "runs in its memory",
		"sibling": "shares its memory with process", "grandchild": "shares its memory with process",
	} {
		t.Run(what, func(t *testing.T) {
			p, err := tryStart(t, path, what, twoPages(t))
			if err != nil {
				t.Skipf("this machine has no %s: %v", what, err)
			}
			got := Movable(&Subject{LocalPid: p.pid})
			if got == "" && want != "" { // then it is to be seen while it stands still
				s := moving(t, p)
				s.on(func() error { got = Movable(s.Subject); return nil })
			}
			if got != want && (want == "" || !strings.Contains(got, want)) {
				t.Errorf("it %q, should be %q", got, want)
			}
			for _, child := range children(p.pid) {
				if strings.HasPrefix(what, "own") {
					break
				}
				if got := Movable(&Subject{LocalPid: child}); got != "runs in its parent's memory" {
					t.Errorf("its child %q", got)
				}
			}
		})
	}
}

// A process that has ended is told from one that has to stay, while it waits to be
// reaped and afterwards.
func TestEnding(t *testing.T) {
	ended := exec.Command("true")
	if err := ended.Start(); err != nil {
		t.Fatal(err)
	}
	pid := ended.Process.Pid
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if !Ending(abi.LocalPid(pid)) {
		t.Error("not before it is reaped")
	}
	if err := ended.Wait(); err != nil {
		t.Fatal(err)
	}
	if !Ending(abi.LocalPid(pid)) {
		t.Error("not afterwards")
	}
	if Ending(abi.LocalPid(os.Getpid())) {
		t.Error("the test itself")
	}
}

// A read-only shared mapping of a system file is in most programs (iconv's cache).
func TestMovableSystemFile(t *testing.T) {
	p := start(t, compile(t, "pinned"), "file", "/usr/bin/env")
	if reason := Movable(&Subject{LocalPid: p.pid}); reason != "" {
		t.Errorf("it %s", reason)
	}
	s := moving(t, p)
	picture := s.shoot(nil)
	other := fresh(t, &picture.Process)
	other.rebuild(picture)
	other.run()
	other.spins(p)
}

// What a file held that has no name any more goes along.
func TestRebuildDeletedFile(t *testing.T) {
	p := start(t, compile(t, "pinned"), "deleted", twoPages(t))
	picture := moving(t, p).shoot(nil)
	for _, f := range picture.Files {
		if strings.Contains(f.Path, "deleted") {
			t.Errorf("%s is sent as a file", f.Path)
		}
	}
	other := fresh(t, &picture.Process)
	other.rebuild(picture)
	other.run()
	other.release(p)
	if status := other.end(); status != 0 {
		t.Fatalf("exit status %d", status)
	}
}

func TestTakeRefusesShared(t *testing.T) {
	s := moving(t, start(t, compile(t, "pinned"), "shared"))
	s.on(func() error {
		if _, err := Take(s.Subject); err == nil {
			t.Error("an image was taken")
		}
		return nil
	})
}

// What comes from a peer is checked before it touches the process.
func TestRebuildRefuses(t *testing.T) {
	picture := moving(t, start(t, compile(t, "pinned"), "nothing")).shoot(nil)
	page := func(at abi.Addr) *image.Batch {
		b := image.NewBatch(-1, []image.Run{{Addr: at, Pages: 1}}, make([]byte, abi.PageSize), nil)
		return &b
	}
	s := fresh(t, &picture.Process)
	s.on(func() error {
		if Fill(s.Subject, page(picture.Mappings[0].Start)) == nil {
			t.Error("filled before it was prepared")
		}
		over := *picture.Image
		over.Mappings = append([]image.Mapping{{Start: s.Window[0], End: s.Window[0] + abi.PageSize, Flags: 0x22, File: -1}}, over.Mappings...)
		over.Mappings = over.Mappings[:1]
		if Prepare(s.Subject, &over) == nil {
			t.Error("a mapping over the window is accepted")
		}
		if err := Prepare(s.Subject, picture.Image); err != nil {
			return err
		}
		for _, at := range []abi.Addr{s.Window[0], 0, picture.Process.Vdso.Code} {
			if Fill(s.Subject, page(at)) == nil {
				t.Errorf("a page at %#x is accepted", at)
			}
		}
		spoilt := picture.batches[0]
		spoilt.Sum++
		if Fill(s.Subject, &spoilt) == nil {
			t.Error("a damaged batch is accepted")
		}
		if err := Finish(s.Subject, picture.Image, picture.trailer); err == nil || !strings.Contains(err.Error(), "arrived") {
			t.Errorf("finished without its pages: %v", err)
		}
		return nil
	})
	s.rebuild(picture) // and nothing of that has done harm
}
