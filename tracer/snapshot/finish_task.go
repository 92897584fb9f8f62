package snapshot

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/image"
)

// finishPointers tells the kernel what it keeps of each task besides registers.
func (s *Subject) finishPointers(img *image.Image) error {
	numbered := true
	for i, k := range s.Tasks {
		t := &img.Tasks[i]
		c := s.callerOf(k)
		known := !s.away() || Numbered(t.CPUs, img.Process.CPUs)
		numbered = numbered && known
		if err := s.finishRseq(c, k, t.Rseq, known); err != nil {
			return err
		}
		if t.RobustLen != 0 {
			if err := s.laterBy(c, "set_robust_list", unix.SYS_SET_ROBUST_LIST, uint64(t.RobustHead), t.RobustLen); err != nil {
				return err
			}
		}
		if err := s.laterBy(c, "set_tid_address", unix.SYS_SET_TID_ADDRESS, uint64(t.ClearTid)); err != nil {
			return err
		}
		if err := s.finishAltStack(c, t.AltStack); err != nil {
			return err
		}
		if err := s.finishComm(c, t.Comm); err != nil {
			return err
		}
	}
	if !numbered {
		return s.hideCPU(&img.Process.Vdso)
	}
	return nil
}

// finishRseq registers the area again if the task runs on CPUs with numbers that the
// program is prepared for; otherwise it is told that there is no
// registration, as a kernel without rseq would (RSEQ_CPU_ID_REGISTRATION_FAILED).
func (s *Subject) finishRseq(c tracer.Caller, k *tracer.Task, r image.Rseq, allowed bool) error {
	if r.Addr == 0 {
		return nil
	}
	if !allowed {
		return s.unregistered(k, r)
	}
	return s.enqueue(c, func(ret int64) error {
		if ret != 0 {
			return s.unregistered(k, r)
		}
		return nil
	}, unix.SYS_RSEQ, uint64(r.Addr), uint64(r.Size), 0, uint64(r.Sig))
}

// unregistered leaves an area of a task that is not registered as such a kernel would.
func (s *Subject) unregistered(k *tracer.Task, r image.Rseq) error {
	const cpuIDStart, cpuID = 0, 0xfffffffe // and no critical section
	if _, err := s.Mem.WriteAt(words(cpuIDStart|uint64(cpuID)<<32, 0), r.Addr); err != nil {
		return fmt.Errorf("rseq of %d: %w", k.Tid, err)
	}
	return nil
}

// finishAltStack sets the signal stack, unless the task has it already: while it
// stands on it, the kernel may refuse to set even the same.
func (s *Subject) finishAltStack(c tracer.Caller, want image.AltStack) error {
	at, err := s.put(c, words(uint64(want.Sp), uint64(uint32(want.Flags)), want.Size))
	if err != nil {
		return err
	}
	return s.enqueue(c, func(ret int64) error {
		if unix.Errno(-ret) != unix.EPERM {
			return s.failure("sigaltstack", ret)
		}
		have, err := s.altStack(c)
		if err == nil && have != want {
			err = s.failure("sigaltstack", ret)
		}
		return err
	}, unix.SYS_SIGALTSTACK, at, 0)
}

// altStack asks for the signal stack of a task.
func (s *Subject) altStack(c tracer.Caller) (image.AltStack, error) {
	b, err := s.ask(c, "sigaltstack", unix.SYS_SIGALTSTACK, 24, func(at uint64) []uint64 { return []uint64{0, at} })
	if err != nil {
		return image.AltStack{}, err
	}
	return altStackFrom(b), nil
}

// finishComm gives a task its name; an empty one leaves it as it is.
func (s *Subject) finishComm(c tracer.Caller, comm string) error {
	if comm == "" {
		return nil
	}
	at, err := s.put(c, append([]byte(comm), 0))
	if err != nil {
		return err
	}
	return s.laterBy(c, "prctl(PR_SET_NAME)", unix.SYS_PRCTL, unix.PR_SET_NAME, at)
}

// verify compares the finished address space with the image, range by range:
// mappings may be split or merged otherwise than they were.
func (s *Subject) verify(img *image.Image) error {
	if err := s.flush(); err != nil {
		return err
	}
	areas, err := tracer.ReadAreasQuick(s.LocalPid)
	if err != nil {
		return err
	}
	covered, wanted := uint64(0), uint64(0)
	for i := range img.Mappings {
		wanted += wantedSpan(&img.Mappings[i]).len()
	}
	for _, a := range areas {
		if isKernels(a) || s.ours(a) || s.isVdsoCopy(a, img) {
			continue
		}
		n, err := s.verifyArea(a, img)
		if err != nil {
			return err
		}
		covered += n
	}
	if covered != wanted {
		return fmt.Errorf("%d bytes are mapped instead of %d", covered, wanted)
	}
	return nil
}

func (s *Subject) isVdsoCopy(a tracer.Area, img *image.Image) bool {
	return spanOf(a).overlaps(span{img.Process.Vdso.Start, img.Process.Vdso.End})
}

// verifyArea checks every part of an area and returns its size.
func (s *Subject) verifyArea(a tracer.Area, img *image.Image) (uint64, error) {
	for at := a.Start; at < a.End; {
		m := img.At(at)
		if m == nil {
			return 0, fmt.Errorf("%#x-%#x is mapped and should not be", at, a.End)
		}
		if !s.sameSource(a, m, img) || protOf(a) != m.Prot {
			return 0, fmt.Errorf("%#x-%#x is mapped as %s %s", at, min(a.End, m.End), a.Perms, a.Path)
		}
		at = m.End
	}
	return a.Len(), nil
}

// finishProcessors puts registers, vector registers and signal mask where the
// program will find them.
func (s *Subject) finishProcessors(img *image.Image) error {
	here := LocalCPU()
	for i, k := range s.Tasks {
		t := &img.Tasks[i]
		var st State
		var err error
		if st.Regs, err = tracer.RegsFrom(t.Regs); err != nil {
			return err
		}
		if st.Xstate, err = fitXstate(t.Xstate, img.Process.CPU, here); err != nil {
			return fmt.Errorf("task %d: %w", t.Tid, err)
		}
		st.Mask = t.SigMask
		if kept := s.state(k); kept != nil {
			if *kept, err = st.keep(k); err != nil {
				return err
			}
			continue
		}
		if err := st.Load(k); err != nil {
			return err
		}
	}
	return nil
}

// keep returns the state as it is kept outside of the task. Vector registers are
// the task's own even then, as no call touches them; only if the task runs, in
// the resident loop, must they wait for Load.
func (st State) keep(k *tracer.Task) (State, error) {
	err := k.SetXstate(st.Xstate)
	switch {
	case err == nil:
		st.Xstate = nil
	case !errors.Is(err, tracer.ErrGone):
		return st, fmt.Errorf("vector registers of %d: %w", k.Tid, err)
	}
	return st, nil
}

// Load puts the state into a stopped task. The task goes on from there when it is
// continued; if it stands in a syscall stop, tracer.Task.Settle must follow before.
func (st *State) Load(k *tracer.Task) error {
	if st.Xstate != nil {
		if err := k.SetXstate(st.Xstate); err != nil {
			return fmt.Errorf("vector registers of %d: %w", k.Tid, err)
		}
	}
	if err := k.SetRegs(st.Regs); err != nil {
		return fmt.Errorf("registers of %d: %w", k.Tid, err)
	}
	if err := k.SetSigMask(st.Mask); err != nil {
		return fmt.Errorf("signal mask of %d: %w", k.Tid, err)
	}
	return nil
}
