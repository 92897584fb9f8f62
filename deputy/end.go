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
	b.using.RLock()
	defer b.using.RUnlock()
	b.mu.Lock()
	b.stats.usage = m.Usage
	b.mu.Unlock()
	b.report() // mosd counts no more once it knows of the end
	b.d.tracer.Do(func() { b.fenced = true })
	b.slot.Masks(b.openMask, b.openMask)
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
	x := b.open(p)
	if err := x.send(b.header(wire.TypeDrop), nil); err != nil {
		x.close()
		return b.task.Cont(0)
	}
	go func() {
		defer x.close()
		x.receive() // bounded; without an answer there is nobody left to wait for
		b.d.tracer.Post(func() { b.task.Cont(0) })
	}()
	return nil
}

// gone takes note of the body's end. On the tracer's thread.
func (b *body) gone(s tracer.Stop) {
	if b.slot != nil {
		b.slot.Kill()
	}
	b.mu.Lock()
	p, known := b.peer, b.state == ended
	b.state = ended
	b.mu.Unlock()
	if known {
		return
	}
	if p != nil && !b.fenced && !b.leaving {
		p.link.Send(b.header(wire.TypeDrop), nil)
	}
	b.report()
	b.mu.Lock()
	b.peer = nil
	b.mu.Unlock()
	close(b.over)
	if b.placing != nil { // it never came to its exec
		b.placing = nil
		b.d.letGo(b)
	}
	b.d.forget(b)
	go b.free()
}

// free gives back what was held of a process that has ended, when the last call of
// it has noticed.
func (b *body) free() {
	b.using.Lock()
	defer b.using.Unlock()
	b.d.tracer.Do(func() {
		if b.loop != nil {
			b.loop.Close()
			b.mem.Close()
		}
	})
}

// decide makes the move under way the one to say what the loss of the link means,
// until decided: the guest's image may be here in full.
func (b *body) decide() { b.setDeciding(true) }

// decided ends a move's say. A guest whose link was lost meanwhile is lost.
func (b *body) decided() {
	b.setDeciding(false)
	if p := b.peerNow(); p != nil && p.cause() != nil {
		b.peerLost(p)
	}
}

func (b *body) setDeciding(on bool) { b.mu.Lock(); b.deciding = on; b.mu.Unlock() }

// peerLost ends a process whose guest is lost: its memory was over there.
func (b *body) peerLost(p *peer) {
	b.mu.Lock()
	mine := b.peer == p && b.state == away && !b.deciding && !b.stats.lost
	if mine {
		b.stats.lost = true
	}
	b.mu.Unlock()
	if mine {
		b.d.tracer.Post(func() { b.lose(p) })
	}
}

// lose kills the body of a lost guest. On the tracer's thread.
func (b *body) lose(p *peer) {
	if _, over := b.task.Ended(); over {
		return
	}
	b.fenced = true
	if b.leaving {
		b.task.Cont(0)
		return
	}
	b.kill("lost", lostLine(p))
}

// kill ends a body that cannot go on, and says why. On the tracer's thread.
func (b *body) kill(kind, why string) {
	if b.task == nil {
		return
	}
	if _, over := b.task.Ended(); over {
		return // its number may be another's by now
	}
	if err := b.lastWords(why); err != nil {
		b.d.log.Debug().Err(err).Msg("no last words")
		b.tell(kind, why)
	}
	unix.Kill(int(b.pid), unix.SIGKILL)
}

// lostLine says what has become of a process.
func lostLine(p *peer) string {
	return fmt.Sprintf("was lost with node %v: %s", p.node, firstCause(p.cause()))
}

// lastWords writes one line to the program's standard error, if that does not block.
func (b *body) lastWords(why string) error {
	if b.loop == nil {
		return tracer.ErrGone
	}
	in := b.in // a move may have stopped it
	if in == nil {
		if _, err := b.task.StopWithin(stopLimit); err != nil {
			return err
		}
		var err error
		if in, err = b.task.Injector(b.loop.Insn()); err != nil {
			return err
		}
	}
	buffers, at := b.loop.Buffers()
	line := fmt.Sprintf("mosrun: process %d %s\n", b.pid, why)
	const pollOut = 4
	copy(buffers[smallOffset:], []byte{2, 0, 0, 0, pollOut, 0, 0, 0})
	ready, err := in.Call(unix.SYS_POLL, uint64(at+smallOffset), 1, 0)
	if err != nil {
		return err
	}
	if ready != 1 || buffers[smallOffset+6] != pollOut {
		return errors.New("standard error takes nothing")
	}
	n := copy(buffers[smallOffset+64:], line)
	_, err = in.Call(unix.SYS_WRITE, 2, uint64(at+smallOffset+64), uint64(n))
	return err
}

// firstCause puts in a user's words why a link has ended.
func firstCause(err error) string {
	switch {
	case errors.Is(err, link.ErrSilent):
		return "nothing is heard of it"
	case errors.Is(err, link.ErrLost):
		return "the link is lost"
	}
	return err.Error()
}

// serveComeHome brings a process home that must make its next call there, or whose
// node wants it to leave.
func (b *body) serveComeHome(f *link.Frame) error {
	var m wire.Reason
	if err := f.Decode(&m); err != nil {
		return err
	}
	b.comeHome(m.Text, m.Must)
	return nil
}

// comeHome begins to bring the process home. One that must come and cannot is lost.
func (b *body) comeHome(why string, must bool) {
	b.d.begin()
	go func() {
		defer b.d.end()
		begin := time.Now()
		var done control.Done
		if err := b.moveTo(destination{}, &done); err != nil {
			b.d.log.Error().Int("pid", int(b.pid)).Str("why", why).Err(err).Msg("not come home")
			if must {
				b.d.tracer.Post(func() { b.kill("lost", fmt.Sprintf("must come home (%s) and cannot: %v", why, err)) })
			}
			return
		}
		b.setPinned(why) // until it moves again
		b.report()
		b.d.log.Debug().Int("pid", int(b.pid)).Str("why", why).Dur("took", time.Since(begin)).Msg("came home")
	}()
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
