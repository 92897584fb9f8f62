package deputy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/wire"
	"umosix/wire/control"
	"umosix/wire/link"
)

// serveExit ends the body, or the task, as its guest has ended.
func (t *task) serveExit(f *link.Frame) error {
	var m wire.Exit
	if err := f.Decode(&m); err != nil {
		return err
	}
	b := t.b
	<-b.readiness()
	b.using.RLock()
	defer b.using.RUnlock()
	if m.Unmade {
		return b.on(b.unmake)
	}
	t.awaitTold()
	t.slot.Masks(b.openMask, b.openMask)
	if !m.Group {
		b.d.tracer.Do(func() { t.exiting = true })
		t.slot.Start(unix.SYS_EXIT, [6]uint64{uint64(m.Status)})
		return nil
	}
	b.mu.Lock()
	b.stats.usage = m.Usage
	b.mu.Unlock()
	b.d.tracer.Do(func() { b.fenced = true }) // after the move that brought the guest there is counted
	b.report()                                // mosd counts no more once it knows of the end
	t.slot.Start(unix.SYS_EXIT_GROUP, [6]uint64{uint64(m.Status)})
	return nil
}

// awaitExits waits for tasks that are about to end without their process.
func (b *body) awaitExits() {
	until := time.Now().Add(stopLimit)
	for _, t := range b.tasks {
		if t.exiting && t.k.AwaitEnd(until) {
			t.ended()
		}
	}
}

// onExit meets the leader on its way out, for whatever reason. Nobody at home sees the
// end of the process before the guest is known to be gone: a dead process writes
// nothing.
func (t *task) onExit() error {
	b := t.b
	p := b.peerNow()
	if t == b.leader() {
		b.leaveTime()
	}
	if b.fenced || p == nil || t.exiting {
		return t.k.Cont(0)
	}
	b.standing, b.leaving = true, true
	b.killSlots()
	x := b.open(p)
	if err := x.send(b.header(wire.TypeDrop), nil); err != nil {
		x.close()
		b.letEnd()
		return nil
	}
	go func() {
		defer x.close()
		x.receive() // bounded; without an answer there is nobody left to wait for
		b.d.tracer.Post(b.letEnd)
	}()
	return nil
}

// letEnd lets the leader go on that stands in its exit, or will.
func (b *body) letEnd() {
	b.fenced = true
	if b.standing {
		b.standing = false
		b.leader().k.Cont(0)
	}
}

// killSlots ends all waiting for calls of the body.
func (b *body) killSlots() {
	for _, t := range b.tasks {
		if t.slot != nil {
			t.slot.Kill()
		}
	}
}

// ended takes note of a task's end. On the tracer's thread.
func (t *task) ended() {
	t.exiting = false
	if t == t.b.leader() {
		t.b.gone()
		return
	}
	if c := t.b.continuation; c != nil && c.t == t {
		t.b.relayContinuation()
	}
	if t.slot != nil {
		t.slot.Kill()
	}
	t.b.remove(t)
	t.stopLingering()
}

// stopLingering takes note that a task lingers no more that has not landed. A process
// of which none lingers is its own again. On the tracer's thread.
func (t *task) stopLingering() {
	b := t.b
	b.mu.Lock()
	t.lingering = false
	left := slices.ContainsFunc(b.tasks, func(t *task) bool { return t.lingering })
	over := b.state == lingering && !left
	if over {
		b.state = native
	}
	b.mu.Unlock()
	if over {
		b.closeMemory()
		b.d.forget(b)
	}
}

// dropReplaced looks for tasks at home that were ours when another one of their process
// made an exec: the leader's number is then that of the new program, which is not
// traced, and nobody tells (man ptrace, "execve under ptrace").
func (b *body) dropReplaced() {
	early := b.early && b.now() == native
	for _, t := range b.tasks {
		if t.k == nil || !t.lingering && !(early && t == b.leader()) || t.k.Ours() {
			continue
		}
		if _, over := t.k.Ended(); over {
			continue
		}
		t.k.Forget()
		t.k = nil
		if t.lingering {
			t.slot.Kill()
			t.stopLingering()
		} else {
			b.early = false
			b.stopPlacing()
			b.d.forget(b)
		}
	}
}

// gone takes note of the body's end. On the tracer's thread.
func (b *body) gone() {
	b.killSlots()
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
	b.stopPlacing()
	b.dropOwn()
	b.d.forget(b)
	go b.free()
}

// free gives back what was held of a process that has ended, when the last call of
// it has noticed.
func (b *body) free() {
	b.using.Lock()
	defer b.using.Unlock()
	b.d.tracer.Do(b.closeMemory)
}

// closeMemory gives back our views of the process's memory. The next window is a new one,
// which children do not inherit at first. On the tracer's thread.
func (b *body) closeMemory() {
	if b.loop != nil {
		b.loop.Close()
	}
	if b.mem != nil {
		b.mem.Close()
	}
	b.loop, b.mem, b.forkable = nil, nil, false
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
	if _, over := b.leader().k.Ended(); over {
		return
	}
	b.fenced = true
	if b.leaving {
		b.letEnd()
		return
	}
	b.kill("lost", lostLine(p))
}

// loseUnended ends a body that cannot go on, unless its guest has told of its end
// meanwhile. On the tracer's thread.
func (b *body) loseUnended(why string) {
	if !b.fenced {
		b.kill("lost", why)
	}
}

// kill ends a body that cannot go on, and says why. On the tracer's thread.
func (b *body) kill(kind, why string) {
	if b.leader().k == nil {
		return
	}
	if _, over := b.leader().k.Ended(); over {
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
	t := b.leader()
	in := t.in // a move may have stopped it
	if in == nil {
		if _, err := t.k.StopWithin(stopLimit); err != nil {
			return err
		}
		var err error
		if in, err = t.k.Injector(b.loop.Insn()); err != nil {
			return err
		}
	}
	buffers, at := t.slot.Buffers()
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
	if m.At != 0 {
		at := m.At
		if other := b.d.bodyOfTask(at); other != nil {
			at = other.pid
		}
		b.d.addLook(look{by: b.pid, at: at})
	}
	b.comeHome(m.Text, m.Must)
	return nil
}

// comeHome begins to bring the process home. One that must come and cannot is lost.
func (b *body) comeHome(why string, must bool) {
	b.d.begin()
	b.d.keep(b)
	go func() {
		defer b.d.end()
		defer b.d.letGo(b)
		begin := time.Now()
		var done control.Done
		b.setPinned(why) // until it moves again; nobody sees it at home without its reason
		if err := b.moveTo(destination{}, &done); err != nil {
			b.setPinned("")
			b.d.log.Error().Int("pid", int(b.pid)).Str("why", why).Err(err).Msg("not come home")
			if must {
				b.d.tracer.Post(func() { b.loseUnended(fmt.Sprintf("must come home (%s) and cannot: %v", why, err)) })
			}
			return
		}
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
