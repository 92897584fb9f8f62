package remote

import (
	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/wire"
)

func isExec(nr uint64) bool { return nr == unix.SYS_EXECVE || nr == unix.SYS_EXECVEAT }

// startsProgram is why a program is started at home.
const startsProgram = "it starts another program"

// exec has the body start the program that the task asks for: the guest is dropped if that
// succeeds. A process with threads does it at home, and so does one with signals that
// wait here: they are the new program's.
func (t *task) exec(row *abi.Row, nr uint64, args [6]uint64) {
	if len(t.g.tasks) > 1 || t.hasPending() {
		t.askHome(startsProgram)
		return
	}
	payload, refusal, err := t.plan(nr, args)
	mask, maskErr := t.k.SigMask()
	if refusal != "" || err != nil || maskErr != nil {
		t.askHome(startsProgram)
		return
	}
	t.state, t.row = waiting, row
	h := t.header(wire.TypeCall)
	h.Ack = t.g.heard
	seq, err := t.g.x.link.SendNumbered(h, &wire.Call{Call: t.call, Mask: mask}, payload)
	if err != nil {
		t.g.x.end(err)
	}
	t.seq = seq
}

// mustGoHome has home take the process back, which makes the call there that it waits for.
func (t *task) mustGoHome(why string) {
	t.homing = true
	t.g.x.send(t.header(wire.TypeComeHome), &wire.Reason{Text: why, Must: true})
}

// hasPending tells whether signals wait for the task or its process.
func (t *task) hasPending() bool {
	own, err := t.k.PeekPending(false)
	shared, sharedErr := t.k.PeekPending(true)
	return err != nil || sharedErr != nil || len(own)+len(shared) > 0 || t.k.HasDeferred()
}
