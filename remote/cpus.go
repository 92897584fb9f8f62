package remote

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
)

// Home has the answer on which processors a task may run, and a task of a guest is bound
// here as far as this node has them. Where it runs on others, it must not see their
// numbers: programs have arrays with a place for each processor of their home.

const lacksCPUs = "it chooses processors that this node does not have"

// takeCPUs takes over from the image what the finished task is bound to.
func (t *task) takeCPUs(from *image.Task) {
	t.cpus, t.rseq = from.CPUs, from.Rseq
	t.unnumbered = !snapshot.Numbered(t.cpus, t.g.image.Process.CPUs)
}

// inheritCPUs is for the only task of a process that a task makes.
func (t *task) inheritCPUs(parent *task, b *birth) {
	t.cpus, t.unnumbered = parent.cpus, parent.unnumbered
	if b.flags&unix.CLONE_VM == 0 { // man rseq
		t.rseq = parent.rseq
	}
}

// chooseCPUs makes sched_setaffinity at home. If this node lacks a processor that is
// chosen, the task has to arrive anew, to be told nothing of those it has.
func (t *task) chooseCPUs(row *abi.Row, args [6]uint64) {
	to, chosen := t.choice(args)
	if to != nil && !to.unnumbered && !snapshot.Offered(chosen, t.g.image.Process.CPUs) {
		t.askHome(lacksCPUs)
		return
	}
	t.forward(row, unix.SYS_SCHED_SETAFFINITY, args)
}

// choice is what a call of sched_setaffinity asks for, and for which task; nil if it is
// none of a guest here, or a choice that home refuses.
func (t *task) choice(args [6]uint64) (to *task, chosen abi.CPUSet) {
	mask := make([]byte, min(uint32(args[1]), maxMask))
	if _, err := t.g.mem.ReadAt(mask, abi.Addr(args[2])); err != nil {
		return nil, nil
	}
	chosen = abi.CPUSetFrom(mask).And(t.g.image.Process.CPUs)
	if chosen.Empty() {
		return nil, nil
	}
	return t.g.x.taskOf(t, abi.HomePid(int32(args[0]))), chosen
}

// maxMask is how many bytes of a set of processors any kernel looks at.
const maxMask = 1024

// taskOf is a task of any guest here; 0 is the asking task.
func (x *Executor) taskOf(asking *task, tid abi.HomePid) *task {
	if tid == 0 {
		return asking
	}
	for _, g := range x.guests {
		if t := g.task(tid); t != nil {
			return t
		}
	}
	return nil
}

// noteCPUs binds the task for which home has just taken a choice of processors.
func (t *task) noteCPUs(ret int64) {
	if t.call.Nr != unix.SYS_SCHED_SETAFFINITY || ret < 0 {
		return
	}
	to, chosen := t.choice(t.call.Args)
	if to == nil {
		return
	}
	to.cpus = chosen
	snapshot.Bind(to.k.Tid, chosen, t.g.image.Process.CPUs)
	if !to.unnumbered && !snapshot.Numbered(chosen, t.g.image.Process.CPUs) { // it has come from another node meanwhile
		to.g.askHome(lacksCPUs)
	}
}

// registerRseq notes what a task without numbers of processors registers by rseq, or no
// longer: the kernel learns of it where the task has them. Until then the area says that
// there is no registration, as libraries expect it of older kernels.
func (t *task) registerRseq(args [6]uint64) int64 {
	asked := image.Rseq{Addr: abi.Addr(args[0]), Size: uint32(args[1]), Sig: uint32(args[3])}
	const unregister = 1 // RSEQ_FLAG_UNREGISTER
	switch flags := uint32(args[2]); {
	case flags == unregister && t.rseq == asked && asked.Addr != 0:
		t.rseq = image.Rseq{}
		return t.writeRseq(asked, rseqUninitialized)
	case flags != 0 || asked.Size < rseqSize || asked.Size > abi.PageSize || asked.Addr%rseqSize != 0,
		t.rseq.Addr != 0 && t.rseq != asked:
		return -int64(unix.EINVAL)
	case t.rseq == asked:
		return -int64(unix.EBUSY)
	}
	ret := t.writeRseq(asked, rseqFailed)
	if ret == 0 {
		t.rseq = asked
	}
	return ret
}

// rseqSize is the first size of struct rseq, and its alignment.
const rseqSize = 32

// What an area says instead of the number of a processor (RSEQ_CPU_ID_*).
const (
	rseqUninitialized = ^uint32(0)
	rseqFailed        = ^uint32(1)
)

// writeRseq puts a number into an area, whose first word is always one that there is.
func (t *task) writeRseq(r image.Rseq, cpu uint32) int64 {
	var ids [8]byte
	binary.LittleEndian.PutUint32(ids[4:], cpu)
	if _, err := t.g.mem.WriteAt(ids[:], r.Addr); err != nil {
		return -int64(unix.EFAULT)
	}
	return 0
}
