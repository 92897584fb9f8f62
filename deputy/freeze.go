package deputy

import (
	"errors"
	"fmt"

	"umosix/tracer/abi"
	"umosix/tracer/snapshot"
	"umosix/wire/control"
)

// A frozen process is parked at home, as for a move, and stays so until it is let go on.

// errFrozen refuses to move a process.
var errFrozen = errors.New("it is frozen: let it go on first (migrate PID continue)")

// freeze carries out a Freeze and answers it.
func (d *Deputy) freeze(f *control.Freeze) {
	done := control.Done{ID: f.ID}
	b := d.hold(abi.HomePid(f.Pid))
	defer d.letGo(b)
	err := b.awaitExec()
	switch {
	case err != nil:
	case f.On:
		err = b.standStill()
	default:
		err = b.goOnAtHome()
	}
	if err != nil {
		done.Failure = err.Error()
	}
	b.report()
	d.mosd.Send(control.FromDeputy{Done: &done})
}

// standStill brings the process home and parks it there.
func (b *body) standStill() error {
	if err := b.moveTo(destination{}, &control.Done{}); err != nil {
		return err
	}
	b.moving.Lock()
	defer b.moving.Unlock()
	switch {
	case b.now() == ended:
		return fmt.Errorf("no process %d", b.pid)
	case b.peerNow() != nil:
		return errors.New("it has been moved meanwhile: try again")
	case b.isFrozen():
		return nil
	}
	if b.now() == native {
		if err := b.awaitChild(); err != nil {
			return err
		}
		if reason := snapshot.Movable(&snapshot.Subject{LocalPid: abi.LocalPid(b.pid)}); reason != "" {
			return &pinnedError{reason}
		}
	}
	if err := b.on(b.park); err != nil {
		return b.notOut(err)
	}
	b.setFrozen(true)
	return nil
}

// goOnAtHome lets a frozen process go on.
func (b *body) goOnAtHome() error {
	b.moving.Lock()
	defer b.moving.Unlock()
	if !b.isFrozen() {
		return nil
	}
	b.setFrozen(false)
	if b.now() != parked {
		return nil // it has ended
	}
	err := b.on(b.land)
	b.d.forget(b)
	return err
}

func (b *body) isFrozen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.frozen
}

func (b *body) setFrozen(on bool) { b.mu.Lock(); b.frozen = on; b.mu.Unlock() }
