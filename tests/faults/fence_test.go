package faults

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"umosix/tests/harness"
	"umosix/tests/programs"
)

// fenceRounds is how often a process is killed.
func fenceRounds() int {
	if testing.Short() {
		return 15 // for each user
	}
	return 500
}

// A process that is away and writes to a file and a pipe as fast as it can is killed at
// a random moment. Once its parent has heard of its end nothing of it is written any more.
func TestDeathIsFenced(t *testing.T) {
	dir := filepath.Join(harness.Base(), "programs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	list, err := programs.Named(dir, "hammer")
	if err != nil {
		t.Fatal(err)
	}
	clusters(t, harness.Loopback, 3, func(t *testing.T, c *harness.Nodes) {
		random := rand.New(rand.NewPCG(uint64(harness.Seed()), 0))
		var killed []*hammer
		for i := range fenceRounds() {
			h := startHammer(t, c.Node(home), list["hammer"].Path)
			h.name = fmt.Sprintf("seed %d, round %d", harness.Seed(), i)
			killed = append(killed, h)
			var moved chan error
			if i%3 == 2 {
				moved = h.moveOn()
			}
			time.Sleep(time.Duration(random.IntN(30_000)) * time.Microsecond)
			if err := h.kill([]syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[i%2]); err != nil {
				t.Errorf("%s: %v", h.name, err)
			}
			if moved != nil {
				<-moved
			}
		}
		if err := (&round{nodes: c}).halves(); err != nil {
			t.Fatal(err)
		}
		for _, h := range killed { // nobody is left who could write
			if err := h.wroteLate(); err != nil {
				t.Errorf("%s: %v", h.name, err)
			}
		}
		t.Logf("seed %d, %d rounds", harness.Seed(), fenceRounds())
	})
}

// hammer is the program that writes.
type hammer struct {
	name  string
	job   *harness.Job
	node  *harness.Node
	file  *os.File
	heard chan error // the pipe has ended, with nothing but whole numbers in order
}

// startHammer starts it and waits until it is away and writes.
func startHammer(t *testing.T, n *harness.Node, program string) *hammer {
	t.Helper()
	dir, err := n.WorkDir()
	if err != nil {
		t.Fatal(err)
	}
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	h := &hammer{node: n, heard: make(chan error, 1)}
	h.job, err = n.Start(harness.Command{Args: []string{"mosrun", "-q", "--", program, "0", "endless"}, Dir: dir, Stdout: to, Limit: runLimit})
	to.Close()
	if err != nil {
		t.Fatal(err)
	}
	go func() { h.heard <- listen(from) }()
	err = harness.Poll(startLimit, func() error { return n.Migrate(h.job.Pid, strconv.Itoa(away)) })
	if err == nil {
		err = h.open(filepath.Join(dir, "hammered"))
	}
	if err != nil {
		n.Run("kill", "-KILL", strconv.Itoa(h.job.Pid))
		t.Fatal(err)
	}
	return h
}

// open opens the file that is written to, and sees a write since.
func (h *hammer) open(path string) (err error) {
	if h.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return err
	}
	first := h.number()
	return harness.Poll(startLimit, func() error {
		if h.number() == first {
			return errors.New("it does not write")
		}
		return nil
	})
}

func (h *hammer) number() uint64 {
	var b [8]byte
	_, _ = h.file.ReadAt(b[:], 0)
	return binary.LittleEndian.Uint64(b[:])
}

// listen reads the pipe to its end.
func listen(from *os.File) error {
	defer from.Close()
	all, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	if len(all)%4 != 0 {
		return fmt.Errorf("%d bytes came by the pipe, the last number is cut", len(all))
	}
	for i := 0; i < len(all); i += 4 {
		if n := binary.LittleEndian.Uint32(all[i:]); n != uint32(i/4+1) {
			return fmt.Errorf("number %d of the pipe is %d", i/4+1, n)
		}
	}
	return nil
}

// moveOn has the process move while it is killed.
func (h *hammer) moveOn() chan error {
	moved := make(chan error, 1)
	go func() { moved <- h.node.Migrate(h.job.Pid, "3") }() // may fail: its process is killed
	return moved
}

// kill kills the process, waits for its end, and empties its file at once.
func (h *hammer) kill(sig syscall.Signal) error {
	h.node.Run("kill", "-"+strconv.Itoa(int(sig)), strconv.Itoa(h.job.Pid))
	r := h.job.Wait()
	if err := h.file.Truncate(0); err != nil {
		return err
	}
	if r.Signal != sig {
		return fmt.Errorf("after %v: %v", sig, r)
	}
	select {
	case err := <-h.heard:
		return err
	case <-time.After(cleanLimit):
		return fmt.Errorf("somebody still holds the pipe %v after the end of the process", cleanLimit)
	}
}

// wroteLate tells what has been written to the file since it was emptied.
func (h *hammer) wroteLate() error {
	defer h.file.Close()
	late, err := io.ReadAll(io.NewSectionReader(h.file, 0, 1<<20))
	if err == nil && len(late) > 0 {
		err = fmt.Errorf("%d bytes were written after the end of the process: %q", len(late), bytes.TrimLeft(late, "\x00"))
	}
	return err
}
