package snapshot

import (
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/tracer/image"
)

// onStack is SS_ONSTACK: the kernel says so when the task stands on its signal
// stack; it is no property of the stack.
const onStack = 1

func (s *Subject) takeTask(k *tracer.Task) (t image.Task, err error) {
	t = image.Task{Tid: s.homeTid(k), Call: image.PendingCall{Nr: -1}}
	if err := s.takeProcessor(k, &t); err != nil {
		return t, err
	}
	if t.Comm, err = readComm(s.LocalPid, k.Tid); err != nil {
		return t, err
	}
	if t.Pending, err = pending(k, false); err != nil {
		return t, err
	}
	rseq, err := k.RseqConfig()
	if err != nil {
		return t, fmt.Errorf("rseq: %w", err)
	}
	t.Rseq = image.Rseq{Addr: rseq.Pointer, Size: rseq.Size, Sig: rseq.Signature}
	if t.RobustHead, t.RobustLen, err = robustList(k.Tid); err != nil {
		return t, err
	}
	return t, s.takePointers(k, &t)
}

func (s *Subject) takeProcessor(k *tracer.Task, t *image.Task) (err error) {
	st := s.state(k)
	if st == nil {
		st = new(State)
		if st.Regs, err = k.Regs(); err != nil {
			return err
		}
		if st.Mask, err = k.SigMask(); err != nil {
			return err
		}
	}
	t.Regs, t.SigMask, t.Xstate = st.Regs.Bytes(), st.Mask, st.Xstate
	if t.Xstate == nil {
		t.Xstate, err = k.Xstate()
	}
	return err
}

// takePointers asks for what only the task itself is told: its signal stack and
// clear_child_tid (man prctl, PR_GET_TID_ADDRESS).
func (s *Subject) takePointers(k *tracer.Task, t *image.Task) error {
	c := s.callerOf(k)
	b, err := s.ask(c, "sigaltstack", unix.SYS_SIGALTSTACK, 24, func(at uint64) []uint64 { return []uint64{0, at} })
	if err != nil {
		return err
	}
	t.AltStack = image.AltStack{Sp: abi.Addr(word(b, 0)), Flags: int32(half(b, 8)) &^ onStack, Size: word(b, 16)}
	b, err = s.ask(c, "prctl(PR_GET_TID_ADDRESS)", unix.SYS_PRCTL, 8, func(at uint64) []uint64 { return []uint64{unix.PR_GET_TID_ADDRESS, at} })
	if err != nil {
		return err
	}
	t.ClearTid = abi.Addr(word(b, 0))
	return nil
}
