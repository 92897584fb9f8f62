package snapshot

import (
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// runner is a Caller that makes several calls at less than the price of each alone.
type runner interface {
	Run([]tracer.Scripted) error
}

// queue is calls of one task that are made together later, in their order: nothing but
// whether they fail is to be known of them, or what they have written to scratch memory.
type queue struct {
	caller tracer.Caller
	calls  []tracer.Scripted
	checks []func(ret int64) error
	room   int // of scratch memory that they use
}

// scratchBytes is how much scratch memory there is.
const scratchBytes = 8 << 10

// later queues a call in the leader that must succeed.
func (s *Subject) later(what string, nr uint64, args ...uint64) error {
	return s.laterBy(s.Caller, what, nr, args...)
}

// laterBy queues a call that must succeed.
func (s *Subject) laterBy(c tracer.Caller, what string, nr uint64, args ...uint64) error {
	return s.enqueue(c, func(ret int64) error { return s.failure(what, ret) }, nr, args...)
}

// try queues a call in the leader that may fail.
func (s *Subject) try(nr uint64, args ...uint64) error {
	return s.enqueue(s.Caller, func(int64) error { return nil }, nr, args...)
}

// enqueue queues a call and what is to be said of its raw result. Calls that wait for
// another task are made first.
func (s *Subject) enqueue(c tracer.Caller, check func(ret int64) error, nr uint64, args ...uint64) error {
	if err := s.turnTo(c); err != nil {
		return err
	}
	call := tracer.Scripted{Nr: nr}
	copy(call.Args[:], args)
	s.queue.calls, s.queue.checks = append(s.queue.calls, call), append(s.queue.checks, check)
	return nil
}

// turnTo makes the queue one of calls by c.
func (s *Subject) turnTo(c tracer.Caller) (err error) {
	if s.queue.caller != c {
		err = s.flush()
	}
	s.queue.caller = c
	return err
}

// flush makes the calls that wait.
func (s *Subject) flush() error {
	q := s.queue
	s.queue = queue{caller: q.caller, room: q.room} // what was written there is not read yet
	if err := q.run(); err != nil {
		return fmt.Errorf("pid %d: %w", s.Pid, err)
	}
	for i, check := range q.checks {
		if err := check(q.calls[i].Ret); err != nil {
			return err
		}
	}
	s.queue.room = 0
	return nil
}

func (q *queue) run() (err error) {
	if len(q.calls) == 0 {
		return nil
	}
	if r, ok := q.caller.(runner); ok {
		return r.Run(q.calls)
	}
	for i := range q.calls {
		c := &q.calls[i]
		if c.Ret, err = q.caller.Call(c.Nr, c.Args[:]...); err != nil {
			return err
		}
	}
	return nil
}

// put writes b into scratch memory for the next call by c and returns its address.
func (s *Subject) put(c tracer.Caller, b []byte) (uint64, error) {
	err := s.turnTo(c)
	size := (len(b) + 7) &^ 7
	if err == nil && s.queue.room+size > scratchBytes {
		err = s.flush()
	}
	if err != nil {
		return 0, err
	}
	at := s.Scratch(scratchBytes) + abi.Addr(s.queue.room)
	if _, err := s.Mem.WriteAt(b, at); err != nil {
		return 0, fmt.Errorf("scratch: %w", err)
	}
	s.queue.room += size
	return uint64(at), nil
}

// call executes a call in the leader that must succeed.
func (s *Subject) call(what string, nr uint64, args ...uint64) (uint64, error) {
	return s.callBy(s.Caller, what, nr, args...)
}

// callBy executes a call that must succeed, after those that wait.
func (s *Subject) callBy(c tracer.Caller, what string, nr uint64, args ...uint64) (uint64, error) {
	ret, err := s.raw(c, nr, args...)
	if err != nil {
		return 0, fmt.Errorf("%s in pid %d: %w", what, s.Pid, err)
	}
	return uint64(ret), s.failure(what, ret)
}

// raw executes a call, after those that wait.
func (s *Subject) raw(c tracer.Caller, nr uint64, args ...uint64) (int64, error) {
	if err := s.flush(); err != nil {
		return 0, err
	}
	return c.Call(nr, args...)
}

// failure is what is wrong with a raw result of a call that must succeed.
func (s *Subject) failure(what string, ret int64) error {
	if ret < 0 && ret >= -4095 {
		return fmt.Errorf("%s in pid %d: %w", what, s.Pid, unix.Errno(-ret))
	}
	return nil
}

// ask executes a call that writes n bytes into scratch memory and returns them.
// The arguments are made from the address.
func (s *Subject) ask(c tracer.Caller, what string, nr uint64, n int, args func(at uint64) []uint64) (b []byte, err error) {
	err = s.askLater(c, what, nr, n, args, func(said []byte) { b = said })
	if err == nil {
		err = s.flush()
	}
	return b, err
}

// askLater queues ask.
func (s *Subject) askLater(c tracer.Caller, what string, nr uint64, n int, args func(at uint64) []uint64, take func([]byte)) error {
	at, err := s.put(c, make([]byte, n))
	if err != nil {
		return err
	}
	return s.enqueue(c, func(ret int64) error {
		if err := s.failure(what, ret); err != nil {
			return err
		}
		b := make([]byte, n)
		if _, err := s.Mem.ReadAt(b, abi.Addr(at)); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		take(b)
		return nil
	}, nr, args(at)...)
}
