package deputy

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/wire"
	"umosix/wire/link"
)

// destination is where a process is to go, and how to get in there.
type destination struct {
	node    wire.NodeID
	address string
	ticket  string
}

// dialLimit bounds the way to a running executor on another node.
const dialLimit = 15 * time.Second

// peer is the executor of this job on one node.
type peer struct {
	d      *Deputy
	node   wire.NodeID
	link   *link.Link
	hello  wire.Hello
	files  *shipped
	filing sync.Mutex    // held while a file's contents are sent
	speed  atomic.Uint64 // of the link, in bytes per second, as measured; 0 if not
	gone   chan struct{} // closed when the link has ended and all that it brought is handed on
	failed atomic.Pointer[error]
}

// reach is the executor on a node, over the link there is or a new one.
func (d *Deputy) reach(to destination) (*peer, error) {
	d.mu.Lock()
	p := d.peers[to.node]
	d.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := d.dial(to)
	if err != nil {
		return nil, fmt.Errorf("node %v: %w", to.node, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if other := d.peers[to.node]; other != nil {
		p.link.Close()
		return other, nil
	}
	d.peers[to.node] = p
	go p.run()
	return p, nil
}

func (d *Deputy) dial(to destination) (*peer, error) {
	var ticket link.Ticket
	raw, err := hex.DecodeString(to.ticket)
	if err != nil || copy(ticket[:], raw) != len(ticket) {
		return nil, fmt.Errorf("admission ticket of %d characters is not one", len(to.ticket))
	}
	cfg, err := link.ClientConfig(d.start.Creds, func(id wire.Identity) error {
		if id.Node != to.node || id.Kind != wire.KindExecutor {
			return fmt.Errorf("this is %v, not the executor of node %v", id, to.node)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
	defer cancel()
	l, err := link.Dial(ctx, to.address, ticket, cfg, link.Options{Grace: d.start.Grace})
	if err != nil {
		return nil, err
	}
	p := &peer{d: d, node: to.node, link: l, files: newShipped(), gone: make(chan struct{})}
	if err := p.greet(); err != nil {
		l.Close()
		return nil, err
	}
	return p, nil
}

// greet exchanges the first frames.
func (p *peer) greet() error {
	hello := wire.Hello{Protocol: wire.Protocol, Job: p.d.start.Job, Node: p.d.start.Node, Features: features()}
	if err := p.link.Send(wire.Header{Type: wire.TypeHello}, &hello); err != nil {
		return err
	}
	ready, err := p.link.Ready(dialLimit)
	if err != nil || !ready {
		return fmt.Errorf("no answer from the executor: %v", err)
	}
	f, err := p.firstAnswer()
	if err != nil {
		return err
	}
	if f.Type != wire.TypeHello {
		return fmt.Errorf("the executor began with %v", f.Type)
	}
	if err := f.Decode(&p.hello); err != nil {
		return err
	}
	if p.hello.Protocol != wire.Protocol {
		return fmt.Errorf("it speaks version %d of the protocol, this node %d: install the same release on both", p.hello.Protocol, wire.Protocol)
	}
	return nil
}

// features are those of this node's kernel that guests are to show.
func features() (list []string) {
	if _, major, minor, err := tracer.KernelVersion(); err == nil && (major > 6 || major == 6 && minor >= 13) {
		list = append(list, wire.TimerSignalsEnd)
	}
	return list
}

// firstAnswer is the executor's hello; before it the executor asks for the time.
func (p *peer) firstAnswer() (*link.Frame, error) {
	for {
		f, err := p.link.Receive()
		switch {
		case err != nil:
			return nil, err
		case f.Type == wire.TypeClock:
			if err := p.tellTime(); err != nil {
				return nil, err
			}
		case f.Type == wire.TypeBye:
			var r wire.Reason
			f.Decode(&r)
			return nil, fmt.Errorf("refused: %s", r.Text)
		default:
			return f, nil
		}
	}
}

// run serves the link until it ends. It keeps a thread to itself: a forwarded call
// is executed on it without changing threads.
func (p *peer) run() {
	runtime.LockOSThread()
	defer close(p.gone)
	for {
		f, err := p.link.Receive()
		if err == nil {
			err = p.handle(f)
		}
		if err == io.EOF { // without a Bye
			err = fmt.Errorf("%w: the executor has ended", link.ErrLost)
		}
		if err != nil {
			p.lost(err)
			return
		}
	}
}

// cause is what ended the link; nil while it stands.
func (p *peer) cause() error {
	if err := p.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// explain replaces an error that only says that the link is closed by what closed it.
func (p *peer) explain(err error) error {
	if cause := p.cause(); cause != nil && errors.Is(err, link.ErrClosed) {
		return fmt.Errorf("node %v: %w", p.node, cause)
	}
	return err
}

// lost ends the link: what runs over there is lost with it.
func (p *peer) lost(err error) {
	p.failed.Store(&err)
	p.link.Close()
	d := p.d
	d.mu.Lock()
	delete(d.peers, p.node)
	d.mu.Unlock()
	for _, b := range d.all() {
		b.peerLost(p)
	}
}

// handle takes one frame. An error ends the link.
func (p *peer) handle(f *link.Frame) error {
	switch f.Type {
	case wire.TypeBye:
		var r wire.Reason
		f.Decode(&r)
		return fmt.Errorf("the executor ended: %s", r.Text)
	case wire.TypeClock:
		return p.tellTime()
	}
	b := p.d.body(f.Pid)
	if b == nil {
		return nil // the process has ended meanwhile
	}
	switch f.Type {
	case wire.TypeImage, wire.TypeBatch, wire.TypeTrailer, wire.TypeRebuilt, wire.TypeAbandon, wire.TypeDropped:
		b.deliver(p)
		return nil
	}
	if b.peerNow() != p || f.Inc != b.incarnation() {
		return nil // of an earlier stay
	}
	switch f.Type {
	case wire.TypeFault:
		return b.serveFault(f)
	case wire.TypeComeHome:
		return b.serveComeHome(f)
	case wire.TypeUsage:
		return b.serveUsage(f)
	case wire.TypeStores:
		return b.serveStores(f)
	}
	t := b.task(f.Tid)
	if t == nil {
		return nil // the task has ended meanwhile
	}
	return t.handle(p, f)
}

// handle takes a frame that is the task's own.
func (t *task) handle(p *peer, f *link.Frame) error {
	switch f.Type {
	case wire.TypeCall:
		return t.serveCall(p, f)
	case wire.TypeTell:
		return t.serveTell(f)
	case wire.TypeMapFile:
		return t.serveMapFile(p, f)
	case wire.TypeInterrupt:
		t.interruptCall(f.Ack)
	case wire.TypeExit:
		return t.serveExit(f)
	case wire.TypeAbreast:
		t.b.d.tracer.Post(func() { t.flood.asked = false })
	default:
		return fmt.Errorf("unexpected %v", f.Type)
	}
	return nil
}

// tellTime answers an executor that asks for home's clocks.
func (p *peer) tellTime() error {
	now := p.d.homeClock()
	return p.link.Send(wire.Header{Type: wire.TypeClock}, &now)
}

// homeClock is this node's clocks now, as false as a test wants them.
func (d *Deputy) homeClock() image.Clock {
	return image.Clock{Monotonic: clockNow(monotonicClock), Boottime: clockNow(boottimeClock),
		Realtime: clockNow(wallClock) + d.start.FalseClock}
}

// header starts a frame about a process.
func (b *body) header(t wire.Type) wire.Header {
	return wire.Header{Type: t, Pid: b.pid, Tid: abi.HomePid(b.pid), Inc: b.incarnation()}
}
