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

func (s *Subject) takeTask(k *tracer.Task, t *image.Task) (err error) {
	t.Tid, t.Call = s.homeTid(k), image.PendingCall{Nr: -1}
	if err := s.takeProcessor(k, t); err != nil {
		return err
	}
	if t.Comm, err = readComm(s.LocalPid, k.Tid); err != nil {
		return err
	}
	if t.Pending, err = pending(k, false); err != nil {
		return err
	}
	rseq, err := k.RseqConfig()
	if err != nil {
		return fmt.Errorf("rseq: %w", err)
	}
	t.Rseq = image.Rseq{Addr: rseq.Pointer, Size: rseq.Size, Sig: rseq.Signature}
	if t.RobustHead, t.RobustLen, err = robustList(k.Tid); err != nil {
		return err
	}
	return s.takePointers(k, t)
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
	err := s.askLater(c, "sigaltstack", unix.SYS_SIGALTSTACK, 24, func(at uint64) []uint64 { return []uint64{0, at} },
		func(b []byte) { t.AltStack = altStackFrom(b) })
	if err != nil {
		return err
	}
	if err := s.takeUsed(c, unix.RUSAGE_THREAD, &t.Away); err != nil {
		return err
	}
	return s.askLater(c, "prctl(PR_GET_TID_ADDRESS)", unix.SYS_PRCTL, 8, func(at uint64) []uint64 { return []uint64{unix.PR_GET_TID_ADDRESS, at} },
		func(b []byte) { t.ClearTid = abi.Addr(word(b, 0)) })
}

// altStackFrom is the stack in a stack_t (man sigaltstack).
func altStackFrom(b []byte) image.AltStack {
	return image.AltStack{Sp: abi.Addr(word(b, 0)), Flags: int32(half(b, 8)) &^ onStack, Size: word(b, 16)}
}

// takeUsed asks a guest for the CPU time that a task, or its process, has used in this stay.
func (s *Subject) takeUsed(c tracer.Caller, who int, to *image.CPUTime) error {
	if !s.away() {
		return nil
	}
	const rusage = 144 // sizeof(struct rusage)
	return s.askLater(c, "getrusage", unix.SYS_GETRUSAGE, rusage, func(at uint64) []uint64 { return []uint64{uint64(who), at} },
		func(b []byte) {
			*to = image.CPUTimeOf([4]int64{int64(word(b, 0)), int64(word(b, 8)), int64(word(b, 16)), int64(word(b, 24))})
		})
}
