package snapshot

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// Settle brings a task that has just been stopped to where it may be moved. It
// comes before anything is injected into the task, because the kernel forgets a
// restartable sequence as soon as the task runs elsewhere.
//
// A task in a restartable sequence is taken to its abort handler, as a preemption
// would have done. A task in the vdso is led out of it instruction by
// instruction: it may hold the address of a page that exists on this node only.
// It stands in a signal stop by SIGTRAP then, instead of the stop it was in. The
// rare error can be met by letting the task run and trying again.
func Settle(k *tracer.Task, m *tracer.Memory, areas []tracer.Area) error {
	if err := abortSequence(k, m); err != nil {
		return fmt.Errorf("settle %d: restartable sequence: %w", k.Tid, err)
	}
	for _, a := range areas {
		if a.Path == "[vdso]" {
			if err := leave(k, spanOf(a)); err != nil {
				return fmt.Errorf("settle %d: leave the vdso: %w", k.Tid, err)
			}
		}
	}
	return nil
}

// abortSequence applies what the kernel does when a task is preempted in a
// critical section (man rseq; struct rseq_cs).
func abortSequence(k *tracer.Task, m *tracer.Memory) error {
	conf, err := k.RseqConfig()
	if err != nil || conf.Pointer == 0 {
		return err
	}
	const pointer = 8 // offset of rseq_cs in struct rseq
	var field [8]byte
	if _, err := m.ReadAt(field[:], conf.Pointer+pointer); err != nil {
		return nil // unmapped: the kernel will say so to the program
	}
	at := abi.Addr(word(field[:], 0))
	if at == 0 {
		return nil
	}
	var section [32]byte // version, flags, start_ip, post_commit_offset, abort_ip
	if _, err := m.ReadAt(section[:], at); err != nil {
		return nil
	}
	regs, err := k.Regs()
	if err != nil {
		return err
	}
	start, length, abort := word(section[:], 8), word(section[:], 16), word(section[:], 24)
	if regs.Rip-start >= length {
		return nil
	}
	regs.Rip = abort
	regs.LeaveSyscall()
	if err := k.SetRegs(regs); err != nil {
		return err
	}
	_, err = m.WriteAt(make([]byte, 8), conf.Pointer+pointer)
	return err
}

// maxSteps bounds the way out of the vdso; its functions have some hundred
// instructions, and a clock that is being updated makes them loop.
const maxSteps = 1 << 16

// leave steps a task until it is outside of the range. All signals are masked
// meanwhile, but SIGTRAP, which a step raises.
func leave(k *tracer.Task, code span) error {
	regs, err := k.Regs()
	if err != nil || !code.holds(regs.PC()) {
		return err
	}
	const sigtrap = uint64(1) << (5 - 1)
	st, err := readStatus(k.Tid)
	if err != nil {
		return err
	}
	if st.ignored&sigtrap != 0 {
		return errors.New("the program ignores SIGTRAP, and a step would make that the default action")
	}
	mask, err := k.SigMask()
	if err != nil {
		return err
	}
	if err := k.SetSigMask(^sigtrap); err != nil {
		return err
	}
	sig := 0
	for range maxSteps {
		if err := k.Step(sig); err != nil {
			return err
		}
		stop, err := k.Wait()
		if err != nil {
			return err
		}
		if regs, err = k.Regs(); err != nil {
			return err
		}
		switch sig = 0; {
		case stop.Kind != tracer.StopSignal || stop.Signal == int(unix.SIGTRAP):
		case stop.Signal == int(unix.SIGSTOP): // nobody can block it
			sig, err = k.Meet(stop)
		default:
			err = fmt.Errorf("%v at %#x", stop, regs.Rip)
		}
		if err != nil {
			return err
		}
		if !code.holds(regs.PC()) {
			return k.SetSigMask(mask)
		}
	}
	return fmt.Errorf("it is still there after %d steps", maxSteps)
}

func (p span) holds(a abi.Addr) bool { return a >= p.start && a < p.end }
