package deputy

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/wire"
	"umosix/wire/control"
	"umosix/wire/link"
)

// serveExit ends the body as its guest has ended.
func (b *body) serveExit(f *link.Frame) error {
	var m wire.Exit
	if err := f.Decode(&m); err != nil {
		return err
	}
	<-b.readiness()
	b.mu.Lock()
	b.stats.usage = m.Usage
	b.mu.Unlock()
	b.d.tracer.Do(func() { b.fenced = true })
	b.slot.Masks(openMask, openMask)
	b.slot.Start(unix.SYS_EXIT_GROUP, [6]uint64{uint64(m.Status)})
	return nil
}

// onExit meets the body on its way out, for whatever reason. Nobody at home sees
// its end before the guest is known to be gone: a dead process writes nothing.
func (b *body) onExit() error {
	p := b.peerNow()
	if b.fenced || p == nil {
		return b.task.Cont(0)
	}
	b.leaving = true
	if b.slot != nil {
		b.slot.Kill()
	}
	if err := p.link.Send(b.header(wire.TypeDrop), nil); err != nil {
		return b.task.Cont(0)
	}
	b.expect(true)
	go func() {
		b.await(p)
		b.d.tracer.Post(func() { b.task.Cont(0) })
	}()
	return nil
}

// gone takes note of the body's end. On the tracer's thread.
func (b *body) gone(s tracer.Stop) {
	if b.slot != nil {
		b.slot.Kill()
	}
	p := b.peerNow()
	if p != nil && !b.fenced && !b.leaving {
		p.link.Send(b.header(wire.TypeDrop), nil)
	}
	b.set(ended)
	b.report()
	b.mu.Lock()
	b.peer = nil
	b.mu.Unlock()
	b.d.forget(b)
}

// peerLost ends a process whose guest is lost: its memory was over there.
func (b *body) peerLost(p *peer, cause error) {
	b.mu.Lock()
	mine := b.peer == p && b.state == away
	if mine {
		b.stats.lost = true
	}
	b.mu.Unlock()
	if !mine {
		return
	}
	b.tell("lost", fmt.Sprintf("process %d was lost with node %v: %v", b.pid, p.node, cause))
	b.d.tracer.Post(func() {
		if b.task == nil {
			return
		}
		b.fenced = true
		if b.leaving {
			b.task.Cont(0)
			return
		}
		if err := b.lastWords(p.node, cause); err != nil {
			b.d.log.Debug().Err(err).Msg("no last words")
		}
		unix.Kill(int(b.pid), unix.SIGKILL)
	})
}

// lastWords writes one line to the program's standard error, if that does not block.
func (b *body) lastWords(node wire.NodeID, cause error) error {
	if _, err := b.task.StopWithin(stopLimit); err != nil {
		return err
	}
	in, err := b.task.Injector(b.loop.Insn())
	if err != nil {
		return err
	}
	buffers, at := b.loop.Buffers()
	line := fmt.Sprintf("mosrun: process %d was lost with node %v (%v)\n", b.pid, node, firstCause(cause))
	const pollOut = 4
	copy(buffers[smallOffset:], []byte{2, 0, 0, 0, pollOut, 0, 0, 0})
	if ready, err := in.Call(unix.SYS_POLL, uint64(at+smallOffset), 1, 0); err != nil || ready != 1 {
		return fmt.Errorf("standard error is not ready: %w", err)
	}
	n := copy(buffers[smallOffset+64:], line)
	_, err = in.Call(unix.SYS_WRITE, 2, uint64(at+smallOffset+64), uint64(n))
	return err
}

func firstCause(err error) string {
	if errors.Is(err, link.ErrLost) {
		return "the link is lost"
	}
	return err.Error()
}

// serveComeHome brings a process home that must make its next call there.
func (b *body) serveComeHome(f *link.Frame) error {
	var m wire.Reason
	if err := f.Decode(&m); err != nil {
		return err
	}
	b.d.begin()
	go func() {
		defer b.d.end()
		begin := time.Now()
		var done control.Done
		if err := b.moveTo(destination{}, &done); err != nil {
			b.d.log.Error().Int("pid", int(b.pid)).Str("why", m.Text).Err(err).Msg("not come home")
			unix.Kill(int(b.pid), unix.SIGKILL)
			return
		}
		b.tell("pinned", m.Text)
		b.d.log.Debug().Int("pid", int(b.pid)).Str("why", m.Text).Dur("took", time.Since(begin)).Msg("came home")
	}()
	return nil
}

// serveUsage takes note of what the guest has used.
func (b *body) serveUsage(f *link.Frame) error {
	var m wire.Usage
	if err := f.Decode(&m); err != nil {
		return err
	}
	b.mu.Lock()
	b.stats.usage = m
	b.mu.Unlock()
	return nil
}
