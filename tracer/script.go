package tracer

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"umosix/tracer/abi"
)

// Scripted is a call of a script and, afterwards, its raw result. In the window it takes
// scriptedBytes: the number, the arguments and the result, as loop_amd64.s knows, too.
type Scripted struct {
	Nr   uint64
	Args [6]uint64
	Ret  int64
}

// A script lies at scriptStart of its task's buffers: a head, whose first word is 1 when it
// is over, the calls, and a number that none has.
const (
	scriptHead    = 64
	scriptedBytes = 64
	scriptedRet   = 56
	scriptMax     = (BufferBytes-scriptStart-scriptHead)/scriptedBytes - 1
	scriptEnd     = ^uint64(0)
)

// Run executes calls one after the other, whatever they return. Of a task with a slot they
// take four changes of threads together, in place of four each: the task makes them by
// itself, is waited for, and is stopped.
func (in *Injector) Run(calls []Scripted) error {
	if in.slot == nil || len(calls) == 1 {
		return in.runEach(calls)
	}
	for len(calls) > 0 {
		n := min(len(calls), scriptMax)
		if err := in.runScript(calls[:n]); err != nil {
			return fmt.Errorf("script of %d calls in %d: %w", n, in.task.Tid, err)
		}
		calls = calls[n:]
	}
	return nil
}

func (in *Injector) runEach(calls []Scripted) (err error) {
	for i := range calls {
		c := &calls[i]
		if c.Ret, err = in.Call(c.Nr, c.Args[:]...); err != nil {
			return err
		}
	}
	return nil
}

func (in *Injector) runScript(calls []Scripted) error {
	s := in.slot
	script, at := s.script()
	for i, c := range calls {
		put64(script, scriptHead+scriptedBytes*i, c.Nr)
		for n, a := range c.Args {
			put64(script, scriptHead+scriptedBytes*i+8*(n+1), a)
		}
	}
	put64(script, scriptHead+scriptedBytes*len(calls), scriptEnd)
	over := word32(script, 0)
	atomic.StoreUint32(over, 0)
	r := in.regs
	r.Rip, r.Rbx, r.R12 = uint64(s.loop.Window)+uint64(s.loop.script), uint64(at), uint64(at)+scriptHead
	r.LeaveSyscall()
	r.Eflags &^= eflagsTrap | eflagsDirection
	if err := in.task.SetRegs(r); err != nil {
		return err
	}
	if err := in.task.runUntil(over); err != nil {
		return err
	}
	for i := range calls {
		calls[i].Ret = int64(get64(script, scriptHead+scriptedBytes*i+scriptedRet))
	}
	return nil
}

// script is the memory of the task's scripts, and its address in the process.
func (s *Slot) script() ([]byte, abi.Addr) {
	buffers, at := s.Buffers()
	return buffers[scriptStart:], at + scriptStart
}

// runUntil lets a task go on until it has set a word, and stops it then.
func (k *Task) runUntil(over *uint32) error {
	if k.leaving {
		return ErrGone
	}
	if err := k.Cont(0); err != nil {
		return err
	}
	for until := time.Now().Add(callLimit); atomic.LoadUint32(over) == 0; {
		if err := k.passOwnStop(); err != nil {
			return err
		}
		if time.Now().After(until) {
			return errors.New("it does not end")
		}
		futexWait(over, 0, scriptNap)
	}
	return k.Stop()
}

// scriptNap is after what time a task is looked at that may have stopped in its script.
const scriptNap = 5 * time.Millisecond

// passOwnStop lets the task go on if it has stopped without being asked to.
func (k *Task) passOwnStop() error {
	s, ok, err := k.poll()
	switch {
	case err != nil || !ok:
		return err
	case s.Leaving():
		k.leave(s)
		return ErrGone
	case k.faults(s):
		return errors.New("there is no code for it")
	}
	sig, err := k.Meet(s)
	if err != nil {
		return err
	}
	return k.Cont(sig)
}
