package deputy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// Pending signals of a process that is stopped, with all signals masked: drain takes
// them off the kernel's queues when it leaves, requeue puts back what was kept when it is
// at home again. Of a real-time signal each one is delivered, in the order of sending.

// drain takes the signals that are pending for the task, or for its whole process,
// off the queue, in order: they travel, and must not be seen here as well.
func (t *task) drain(shared bool) error {
	pending, err := t.k.PeekPending(shared)
	if err != nil {
		return err
	}
	for i := range pending { // by its number: what comes now stays, and is met again
		info, ok, err := t.drainOne(1 << (pending[i].Signal() - 1))
		switch {
		case err != nil:
			return err
		case !ok:
		case shared && slices.ContainsFunc(pending, info.Same):
			t.b.kept = withTimers(t.b.kept, info)
		default: // its own, or it has come just now and was preferred to that of the process
			t.kept = withTimers(t.kept, info)
		}
	}
	return nil
}

// drainOne is rt_sigtimedwait for a set of signals, without waiting.
func (t *task) drainOne(set uint64) (info tracer.Siginfo, ok bool, err error) {
	buffers, at := t.slot.Buffers()
	room := buffers[smallOffset : smallOffset+256]
	clear(room)
	binary.LittleEndian.PutUint64(room, set) // then a time limit of 0 and the siginfo
	ret, err := t.in.Call(unix.SYS_RT_SIGTIMEDWAIT, uint64(at)+smallOffset, uint64(at)+smallOffset+32, uint64(at)+smallOffset+8, 8)
	copy(info[:], room[32:160])
	return info, err == nil && ret > 0, err
}

// requeue puts back all signals that were kept, for the process and for its tasks. Those
// of the process that a task does not block go into that task's own queue, which comes
// before that of the process: others may have come meanwhile.
func (b *body) requeue() error {
	held := b.held()
	if err := held[0].drain(false); err != nil {
		return err
	}
	if err := b.dropEnded(); err != nil {
		return err
	}
	kept := b.kept
	b.kept = nil
	var blocked []tracer.Siginfo
	taken := map[*task][]tracer.Siginfo{}
	for _, info := range kept {
		if t := b.taker(info.Signal()); t != nil {
			taken[t] = append(taken[t], info)
		} else {
			blocked = append(blocked, info)
		}
	}
	if err := held[0].putBack(blocked, true); err != nil {
		return err
	}
	for _, t := range held {
		if err := t.requeue(); err != nil {
			return err
		}
		if err := t.queueAll(t.setAside(taken[t], t.surelyBlocks()), false); err != nil {
			return err
		}
	}
	return nil
}

// leaveKept forgets the signals that were kept, which are where the process is now, but
// for those that it reads from a descriptor: they are put back.
func (b *body) leaveKept() (failed error) {
	others := ^b.openMask
	kept := outside(b.kept, others)
	b.kept = nil
	failed = b.leader().putBack(kept, true)
	for _, t := range b.tasks {
		kept := outside(t.kept, others)
		t.kept = nil
		failed = errors.Join(failed, t.putBack(kept, false))
	}
	return failed
}

// dropEnded drops the kept signals that a later one has ended: SIGCONT those that stop the
// process, or the other way (man 7 signal). To queue one again would end what has come
// since. A SIGCONT of which the program takes no notice has done its work, too.
func (b *body) dropEnded() error {
	var over uint64
	if b.leader().k.Stopped() || b.ignores(int(unix.SIGCONT)) && b.taker(int(unix.SIGCONT)) != nil {
		over = abi.Continues
	}
	for _, t := range b.held() {
		for _, shared := range []bool{false, true} {
			pending, err := t.k.PeekPending(shared)
			if err != nil {
				return err
			}
			for _, info := range pending {
				over |= ends(info.Signal())
			}
		}
	}
	b.kept = withoutEnded(b.kept, over)
	for _, t := range b.tasks {
		t.kept = withoutEnded(t.kept, over)
	}
	return nil
}

// withoutEnded drops the signals of a list that one behind them has ended, or that are in
// the set over.
func withoutEnded(list []tracer.Siginfo, over uint64) (left []tracer.Siginfo) {
	for _, info := range slices.Backward(list) {
		if over&(1<<(info.Signal()-1)) == 0 {
			left = append(left, info)
			over |= ends(info.Signal())
		}
	}
	slices.Reverse(left)
	return left
}

// ends is the set of signals that are pending no more when that one is sent.
func ends(sig int) uint64 {
	switch {
	case sig == int(unix.SIGCONT):
		return abi.Stops
	case abi.Stops&(1<<(sig-1)) != 0:
		return abi.Continues
	}
	return 0
}

// taker is the first task in a session that does not block a signal, nil if all do: the one
// to which the kernel gives a signal for the process (kernel/signal.c, complete_signal).
func (b *body) taker(sig int) *task {
	held := b.held()
	i := slices.IndexFunc(held, func(t *task) bool { return t.user.Mask&(1<<(sig-1)) == 0 })
	if i < 0 {
		return nil
	}
	return held[i]
}

// requeue puts the signals that were kept for the task back into its queue.
func (t *task) requeue() error {
	kept := t.setAside(t.kept, t.surelyBlocks())
	t.kept = nil
	return t.putBack(kept, false)
}

// setAside takes a signal that stops or continues the process, and that the task does not
// block, off a list: the task takes it as it is let go. Queued once more it would end a
// SIGCONT, or a stop, that has come since.
func (t *task) setAside(list []tracer.Siginfo, mask uint64) []tracer.Siginfo {
	i := slices.IndexFunc(list, func(info tracer.Siginfo) bool {
		bit := uint64(1) << (info.Signal() - 1)
		return ends(info.Signal()) != 0 && mask&bit == 0
	})
	if i < 0 || t.delivers != nil {
		return list
	}
	t.delivers = &list[i]
	return slices.Concat(list[:i], list[i+1:])
}

// surelyBlocks is what the program blocks; everything, if it is in a call with a signal mask
// of its own.
func (t *task) surelyBlocks() uint64 {
	r := t.user.Regs
	if _, suspended := r.Suspended(t.b.mem); suspended {
		return ^uint64(0)
	}
	return t.user.Mask
}

// takeAside brings the task, which is about to be let go, to where it takes the signal that
// was set aside, and returns what to go on with.
func (t *task) takeAside() (sig int, err error) {
	info := t.delivers
	t.delivers = nil
	if info == nil {
		return 0, nil
	}
	presented, err := t.k.Present(abi.LocalPid(t.b.pid), *info)
	if presented || err != nil {
		return info.Signal(), err
	}
	t.k.Resend(abi.LocalPid(t.b.pid), info)
	return 0, nil
}

// putAside puts the signal that was set aside back into the task's queue: it is not let go.
func (t *task) putAside() error {
	info := t.delivers
	t.delivers = nil
	if info == nil {
		return nil
	}
	return t.queue(info, false)
}

// orderLimit bounds how often signals are put back because others came in between.
const orderLimit = 8

// putBack puts kept signals into the task's queue, or that of its process, before those
// that have come since. Who sends is not stopped, so it looks afterwards whether others
// have come in between, and begins again. At the limit those of a single task go into its
// own queue, which comes first.
func (t *task) putBack(kept []tracer.Siginfo, shared bool) error {
	kept, err := t.rearmTimers(kept, shared)
	if err != nil {
		return err
	}
	var put []tracer.Siginfo
	for range orderLimit {
		if len(kept) == 0 {
			return nil
		}
		later, err := t.takeOff(put, shared)
		if err != nil {
			return err
		}
		kept = append(kept, later...)
		if err := t.queueAll(kept, shared); err != nil {
			return err
		}
		pending, err := t.k.PeekPending(shared)
		if err != nil || leads(pending, kept) {
			return err
		}
		put = kept
	}
	if t.b.threaded() {
		return nil
	}
	later, err := t.takeOff(put, shared)
	if err != nil {
		return err
	}
	return t.queueAll(append(kept, later...), false)
}

// takeOff takes what is pending off a queue and returns what of it was not put there.
func (t *task) takeOff(put []tracer.Siginfo, shared bool) (later []tracer.Siginfo, err error) {
	pending, err := t.k.PeekPending(shared)
	if err != nil {
		return nil, err
	}
	put = slices.Clone(put)
	for i := range pending { // by its number: what comes now stays
		info, ok, err := t.drainOne(1 << (pending[i].Signal() - 1))
		if err != nil {
			return nil, err
		}
		if i := slices.Index(put, info); i >= 0 {
			put = slices.Delete(put, i, i+1)
		} else if ok {
			later = append(later, info)
		}
	}
	return later, nil
}

// leads tells whether the real-time signals of kept come first among pending ones of
// their numbers. Of another number there is one at most.
func leads(pending, kept []tracer.Siginfo) bool {
	const realTime = 32
	next := map[int][]tracer.Siginfo{}
	for _, info := range pending {
		next[info.Signal()] = append(next[info.Signal()], info)
	}
	for _, info := range kept {
		sig := info.Signal()
		if sig < realTime {
			continue
		}
		if len(next[sig]) == 0 || next[sig][0] != info {
			return false
		}
		next[sig] = next[sig][1:]
	}
	return true
}

func (t *task) queueAll(list []tracer.Siginfo, shared bool) error {
	for i := range list {
		if err := t.queue(&list[i], shared); err != nil {
			return err
		}
	}
	return nil
}

// queue has the task queue a signal to itself, or as the leader to its process: so the
// kernel accepts any siginfo (kernel/signal.c, do_rt_sigqueueinfo).
func (t *task) queue(info *tracer.Siginfo, shared bool) error {
	ret, err := t.queueOnce(info, shared)
	if err == nil && ret == -int64(unix.EAGAIN) {
		restore := t.b.lift(unix.RLIMIT_SIGPENDING) // others have taken the places of those that were kept
		ret, err = t.queueOnce(info, shared)
		restore()
	}
	if err == nil && ret < 0 {
		err = unix.Errno(-ret)
	}
	if err != nil {
		return fmt.Errorf("requeue signal %d in process %d: %w", info.Signal(), t.b.pid, err)
	}
	return nil
}

// queueOnce is queue as the kernel answers it.
func (t *task) queueOnce(info *tracer.Siginfo, shared bool) (ret int64, err error) {
	buffers, at := t.slot.Buffers()
	copy(buffers[smallOffset:], info[:])
	pid, sig, where := uint64(t.b.pid), uint64(info.Signal()), uint64(at+smallOffset)
	if shared {
		return t.in.Call(unix.SYS_RT_SIGQUEUEINFO, pid, sig, where)
	}
	return t.in.Call(unix.SYS_RT_TGSIGQUEUEINFO, pid, uint64(t.tid), sig, where)
}
