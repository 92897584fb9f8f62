package deputy

import (
	"errors"
	"fmt"
	"time"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/wire"
	"umosix/wire/control"
)

// placement is what is to happen at the exec of a process that was seized before it.
type placement struct {
	to   destination
	over chan struct{} // closed at the exec, or when there will be none
}

// execLimit bounds how long a process may take from its seizure to its exec before it is
// refused to move.
const execLimit = 10 * time.Second

// attachEarly seizes a process that is about to exec its program: mosrun itself.
func (d *Deputy) attachEarly(a *control.Attach) {
	done := control.Done{ID: a.ID}
	b := d.hold(abi.HomePid(a.Pid)) // until the exec
	if err := b.on(func() error { return b.seizeForExec(a) }); err != nil {
		done.Failure = err.Error()
		d.letGo(b)
	}
	d.mosd.Send(control.FromDeputy{Done: &done})
}

// seizeForExec attaches to a running process without stopping it, unless it is attached to:
// since the start of its job, or because it is away, a mosrun inside of another. That
// comes home to exec.
func (b *body) seizeForExec(a *control.Attach) error {
	leader := b.leader()
	switch {
	case b.placing != nil:
		return errNoExec
	case leader.k == nil:
		k, err := b.d.tracer.Seize(abi.LocalPid(b.pid), seizeOptions)
		if err != nil {
			return explainSeize(b.pid, err)
		}
		k.Handler, k.Stops = leader.onStop, leader.stopsAtOnce
		leader.k, b.early = k, a.Early
	}
	b.placing = &placement{to: destination{node: a.To, address: a.Address, ticket: a.Ticket}, over: make(chan struct{})}
	return nil
}

var errNoExec = errors.New("its program has not started yet")

// awaitExec waits until the process is the program that it was seized for.
func (b *body) awaitExec() error {
	var todo *placement
	b.d.tracer.Do(func() { todo = b.placing })
	if todo == nil {
		return nil
	}
	limit := time.NewTimer(execLimit)
	defer limit.Stop()
	select {
	case <-todo.over:
		return nil
	case <-limit.C:
		return errNoExec
	}
}

// stopPlacing takes note that the process never comes to its exec, or that nobody will
// see it. On the tracer's thread.
func (b *body) stopPlacing() {
	if b.placing == nil {
		return
	}
	close(b.placing.over)
	b.placing = nil
	b.d.letGo(b)
}

// stopAtStart stops a new program before its first instruction, where it meets the
// interrupt.
func (t *task) stopAtStart() error {
	if err := errors.Join(t.k.Interrupt(), t.k.Cont(0)); err != nil {
		return err
	}
	s, err := t.k.Wait()
	if err == nil && s.Kind != tracer.StopTrap {
		err = fmt.Errorf("process %d stops by %v after its exec", t.b.pid, s)
	}
	t.stands = err == nil
	return err
}

// start lets a program go on that stands at its start, because its move has failed before
// it was parked. On the tracer's thread.
func (t *task) start() error {
	if !t.stands {
		return nil
	}
	t.stands = false
	return t.letGo()
}

// onExec meets a process at the start of a new program: the cheapest moment to
// move it. On the tracer's thread.
func (t *task) onExec() error {
	b := t.b
	todo := b.placing
	if b.now() != native || todo == nil {
		return t.k.Cont(0)
	}
	close(todo.over)
	b.placing = nil
	if todo.to.node == wire.Home {
		defer b.d.letGo(b)
		return t.letGo()
	}
	if err := t.stopAtStart(); err != nil {
		b.d.letGo(b)
		return err
	}
	b.d.begin()
	go func() {
		defer b.d.end()
		defer b.d.letGo(b)
		var done control.Done
		if err := b.moveTo(todo.to, &done); err != nil {
			b.tell("refused", err.Error())
			if err := b.on(t.start); err != nil && !errors.Is(err, tracer.ErrGone) {
				b.d.log.Error().Int("pid", int(b.pid)).Err(err).Msg("not let go at its start")
			}
			return
		}
		b.tell("placed", todo.to.node.String())
	}()
	return nil
}
