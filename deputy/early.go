package deputy

import (
	"fmt"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/wire"
	"umosix/wire/control"
)

// placement is what is to happen at the exec of a process that was seized before it.
type placement struct{ to destination }

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

// seizeForExec attaches to a running process without stopping it.
func (b *body) seizeForExec(a *control.Attach) error {
	k, err := b.d.tracer.Seize(abi.LocalPid(b.pid), seizeOptions)
	if err != nil {
		return explainSeize(b.pid, err)
	}
	leader := b.leader()
	k.Handler = leader.onStop
	leader.k, b.early = k, a.Early
	b.placing = &placement{destination{node: a.To, address: a.Address, ticket: a.Ticket}}
	return nil
}

// onExec meets a process at the start of a new program: the cheapest moment to
// move it. On the tracer's thread.
func (t *task) onExec() error {
	b := t.b
	todo := b.placing
	b.placing = nil
	if b.now() != native || todo == nil {
		return t.k.Cont(0)
	}
	if todo.to.node == wire.Home {
		defer b.d.letGo(b)
		return t.letGo()
	}
	// Before its first instruction the new program meets the interrupt.
	if err := t.k.Interrupt(); err != nil {
		return err
	}
	if err := t.k.Cont(0); err != nil {
		return err
	}
	s, err := t.k.Wait()
	if err != nil {
		return err
	}
	if s.Kind != tracer.StopTrap {
		return fmt.Errorf("process %d stops by %v after its exec", b.pid, s)
	}
	b.atExec = true
	b.d.begin()
	go func() {
		defer b.d.end()
		defer b.d.letGo(b)
		var done control.Done
		if err := b.moveTo(todo.to, &done); err != nil {
			b.tell("refused", err.Error())
			return
		}
		b.tell("placed", todo.to.node.String())
	}()
	return nil
}
