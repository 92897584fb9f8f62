package control

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// rejoinEvery is how often a half that outlived its mosd looks for a new one.
const rejoinEvery = 500 * time.Millisecond

// HalfLine is the side of a deputy or executor of its channel to mosd. A mosd may
// die and be started again: the line finds the new one by itself.
type HalfLine struct {
	start Start
	verb  string // where a new mosd takes the line over
	who   Adopt

	mu     sync.Mutex // guards lines and joined
	lines  *Lines
	joined bool
	done   chan struct{}
	once   sync.Once
}

// OpenHalfLine reads the first line, which says what the half is for.
func OpenHalfLine(conn *os.File, verb string) (*HalfLine, Start, error) {
	h := &HalfLine{verb: verb, lines: NewLines(conn), done: make(chan struct{})}
	if err := h.lines.Receive(&h.start); err != nil {
		return nil, h.start, fmt.Errorf("first line from mosd: %w", err)
	}
	if h.start.Job == "" {
		return nil, h.start, fmt.Errorf("first line from mosd: %w: no job to start", ErrLine)
	}
	h.joined = true
	h.who = Adopt{Job: h.start.Job, Home: h.start.Home, Pid: os.Getpid()}
	return h, h.start, nil
}

// Send tells mosd. While there is none, nobody needs to know.
func (h *HalfLine) Send(v any) {
	h.mu.Lock()
	lines := h.lines
	h.mu.Unlock()
	lines.Send(v)
}

// Receive waits for the next line of mosd. rejoined tells that a new mosd has
// taken over, which knows nothing yet; then *v is not set. It reports false after
// Close.
func (h *HalfLine) Receive(v any) (rejoined, ok bool) {
	h.mu.Lock()
	lines := h.lines
	h.mu.Unlock()
	if lines.Receive(v) == nil {
		return false, true
	}
	lines.Close()
	h.setLines(lines, false)
	for {
		select {
		case <-h.done:
			return false, false
		case <-time.After(rejoinEvery):
		}
		if conn, err := Rejoin(h.start.Socket, h.verb, h.who); err == nil {
			h.setLines(NewLines(conn), true)
			return true, true
		}
	}
}

func (h *HalfLine) setLines(lines *Lines, joined bool) {
	h.mu.Lock()
	h.lines, h.joined = lines, joined
	h.mu.Unlock()
}

// Joined tells whether there is a mosd at the other end.
func (h *HalfLine) Joined() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.joined
}

// Close ends the line; a Receive that waits for a new mosd ends.
func (h *HalfLine) Close() {
	h.once.Do(func() { close(h.done) })
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines.Close()
}
