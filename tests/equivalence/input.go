package equivalence

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/creack/pty"

	"umosix/tests/harness"
)

// A slow input is so many pieces with a pause after each, the last without newline.
const (
	slowPieces = 12
	slowPause  = 25 * time.Millisecond
)

// feedSlowly gives the command a pipe that is written piece by piece.
func feedSlowly(c *harness.Command, run func(started func()) error) error {
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	defer out.Close()
	c.Stdin = in
	return run(func() {
		in.Close() // the process has it; when that ends, writing fails
		go func() {
			defer out.Close()
			for i := range slowPieces {
				if _, err := fmt.Fprintf(out, "%d%s", i, bytes.Repeat([]byte{byte('a' + i)}, 100*i)); err != nil {
					return
				}
				time.Sleep(slowPause)
			}
		}()
	})
}

// typed are the lines for a program at a terminal; it answers "N: LINE" to each.
var typed = []string{"first line", "second, after a pause", "", "ünïcödé", "last"}

// answerLimit bounds the wait for the answer to a line.
const answerLimit = 30 * time.Second

// typeLines gives the command a terminal of its own, types the lines, each when the
// one before has been answered, and then ends the input. All that the terminal
// showed becomes r's standard output.
func typeLines(c *harness.Command, run func(started func()) error, r *harness.Result) error {
	master, terminal, err := pty.Open()
	if err != nil {
		return err
	}
	defer master.Close()
	defer terminal.Close()
	c.Tty = terminal
	shown := make(chan []byte, 1)
	err = run(func() {
		terminal.Close()
		go func() { shown <- converse(master) }()
	})
	if err != nil {
		return err
	}
	select {
	case r.Stdout = <-shown:
		return nil
	case <-time.After(answerLimit):
		return fmt.Errorf("the terminal is still open %v after the end of its program", answerLimit)
	}
}

// converse types and reads until everybody has closed the terminal, and returns
// everything that it showed.
func converse(master *os.File) (all []byte) {
	buf, next := make([]byte, 4096), 0
	send := func(s string) { _, _ = master.WriteString(s) } // a dead reader shows by the end of input
	answered := func() bool {
		return next == 0 || bytes.Contains(all, fmt.Appendf(nil, "%d: %s\r\n", next, typed[next-1]))
	}
	for {
		for next <= len(typed) && answered() {
			if next == len(typed) {
				send("\x04")
				next++
				break
			}
			time.Sleep(slowPause)
			send(typed[next] + "\n")
			next++
		}
		n, err := master.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil { // EIO: no process has the terminal any more
			return all
		}
	}
}
