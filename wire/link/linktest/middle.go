package linktest

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// Middle stands between the two ends of a Pair and passes bytes on, with the
// faults that a test asks for. Offsets count the bytes that pass in one
// direction from the moment of the call.
//
//	deputy ──► Up   ──► executor
//	       ◄── Down ◄──
type Middle struct {
	Up, Down *Direction
	address  string
	listener net.Listener
	running  sync.WaitGroup
}

// Direction is what happens to the bytes on one way through a Middle.
type Direction struct {
	mu      sync.Mutex
	changed *sync.Cond
	fault   Fault
	delay   time.Duration
	stalled bool
	ended   bool
	from    net.Conn
	to      net.Conn
}

// Fault is what happens once, at a byte.
type Fault struct {
	Kind Kind
	At   int // bytes that still pass before it; for Flip the byte after them is hit
	Bit  int // 0 to 7, for Flip
}

// Kind is a kind of fault.
type Kind int

// The kinds of faults.
const (
	NoFault  Kind = iota
	Flip          // one bit changes
	Truncate      // the rest never comes: the stream ends as if the sender had closed it
	Reset         // both ends get a reset
	Stall         // nothing passes any more, and nobody is told
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"none", "flip", "truncate", "reset", "stall"}[k]
}

// RandomFault picks a fault within the next n bytes; equal seeds pick the same.
func RandomFault(seed uint64, n int) Fault {
	r := rand.New(rand.NewPCG(seed, 1))
	return Fault{Kind: Kind(1 + r.IntN(int(Stall))), At: r.IntN(n), Bit: r.IntN(8)}
}

// newMiddle waits for one connection and passes it on to address.
func newMiddle(tb testing.TB, address string) *Middle {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	m := &Middle{address: listener.Addr().String(), listener: listener, Up: newDirection(), Down: newDirection()}
	m.running.Go(func() {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", address)
		if err != nil {
			_ = near.Close()
			return
		}
		m.running.Go(func() { m.Up.pass(near, far) })
		m.running.Go(func() { m.Down.pass(far, near) })
	})
	return m
}

// Cut makes the cable end here: nothing passes in either direction, nobody is told.
func (m *Middle) Cut() { m.Up.Stall(true); m.Down.Stall(true) }

// Mend undoes Cut; what was stuck passes now.
func (m *Middle) Mend() { m.Up.Stall(false); m.Down.Stall(false) }

// Drop resets both connections.
func (m *Middle) Drop() { m.Up.reset() }

func (m *Middle) close() {
	_ = m.listener.Close()
	m.Up.end()
	m.Down.end()
	m.running.Wait()
}

func newDirection() *Direction {
	d := &Direction{}
	d.changed = sync.NewCond(&d.mu)
	return d
}

// Inject arms a fault.
func (d *Direction) Inject(f Fault) { d.set(func() { d.fault = f }) }

// Delay makes every piece that passes wait that long first.
func (d *Direction) Delay(t time.Duration) { d.set(func() { d.delay = t }) }

// Stall stops this direction, or lets it go on.
func (d *Direction) Stall(on bool) { d.set(func() { d.stalled = on }) }

func (d *Direction) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
	d.changed.Broadcast()
}

// pass carries bytes until the connection ends on either side.
func (d *Direction) pass(from, to net.Conn) {
	defer d.end()
	if !d.begin(from, to) {
		return
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		for piece := buf[:n]; len(piece) > 0; {
			passes, ok := d.admit(piece)
			if !ok {
				return
			}
			if _, err := to.Write(piece[:passes]); err != nil {
				return
			}
			piece = piece[passes:]
		}
		if err != nil {
			return
		}
	}
}

// begin notes the connections; false if the test has ended already.
func (d *Direction) begin(from, to net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.from, d.to = from, to
	return !d.ended
}

// admit waits as long as the test wants and says how much of p passes now; false
// if nothing will any more.
func (d *Direction) admit(p []byte) (int, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if wait := d.delay; wait > 0 {
		d.mu.Unlock()
		time.Sleep(wait) // the delay itself, nothing waits for it
		d.mu.Lock()
	}
	if d.fault.Kind != NoFault && d.fault.At == 0 {
		d.strike(p)
	}
	for d.stalled && !d.ended {
		d.changed.Wait()
	}
	if d.fault.Kind == NoFault {
		return len(p), !d.ended
	}
	n := min(d.fault.At, len(p))
	d.fault.At -= n
	return n, !d.ended
}

// strike lets the armed fault happen at the first byte of p.
func (d *Direction) strike(p []byte) {
	f := d.fault
	d.fault = Fault{}
	switch f.Kind {
	case Flip:
		p[0] ^= 1 << f.Bit
	case Stall:
		d.stalled = true
	case Reset:
		d.resetLocked()
	case Truncate:
		d.ended = true
	}
}

func (d *Direction) reset() { d.set(d.resetLocked) }

// resetLocked makes the kernel send resets instead of an end of the stream.
func (d *Direction) resetLocked() {
	for _, c := range []net.Conn{d.from, d.to} {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
		}
	}
	d.ended = true
}

// end closes the connection in both directions.
func (d *Direction) end() {
	d.set(func() {
		d.ended = true
		for _, c := range []net.Conn{d.from, d.to} {
			if c != nil {
				_ = c.Close()
			}
		}
	})
}
