package cage

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// SealScratch is how many bytes of scratch memory Seal needs in the guest.
const SealScratch = 8 << 10

// Seal closes the last walls around a process before it runs as a guest: all
// capabilities go but the one to choose the pids of its own children and threads,
// and from then on every call of it that is not native is trapped
// (SECCOMP_RET_TRACE), calls made by calls among them. What Spawn's process has
// inherited stands already: no_new_privs, Landlock. Tasks cloned afterwards are
// sealed, too.
//
// calls makes calls in each of its tasks, the leader first, which all stand still. scratch
// is SealScratch bytes of writable memory in the guest, which mem writes; they are free
// again afterwards.
func (c *Cage) Seal(leader *tracer.Task, calls []tracer.Caller, scratch abi.Addr, mem *tracer.Memory) error {
	filter, err := c.filter()
	if err != nil {
		return err
	}
	for _, call := range calls {
		if err := capset(&hands{call: call, memory: mem, scratch: scratch}, c.keepCaps()); err != nil {
			return fmt.Errorf("seal guest %d: %w", leader.Tid, err)
		}
	}
	if err := install(&hands{call: calls[0], memory: mem, scratch: scratch}, filter); err != nil {
		return fmt.Errorf("seal guest %d: %w", leader.Tid, err)
	}
	return nil
}

func (c *Cage) keepCaps() uint64 {
	if c.level == LevelFull {
		return 1 << unix.CAP_CHECKPOINT_RESTORE
	}
	return 0
}

// install makes filter the seccomp filter of all tasks of the process. The mitigation against
// speculative stores that old kernels bind to filters is left off: it protects
// parts of a process from each other, and doubles its run time.
func install(h *hands, filter []unix.SockFilter) error {
	code, err := h.put(encodeFilter(filter))
	if err != nil {
		return err
	}
	program, err := h.put(words(uint64(len(filter)), code)) // struct sock_fprog
	if err != nil {
		return err
	}
	const flags = unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW | unix.SECCOMP_FILTER_FLAG_TSYNC
	tid, err := h.do("seccomp filter", unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, program)
	if err == nil && tid != 0 {
		err = fmt.Errorf("seccomp filter: task %d has another one", tid)
	}
	return err
}

// encodeFilter lays a program out as struct sock_filter[].
func encodeFilter(filter []unix.SockFilter) []byte {
	b := make([]byte, 0, 8*len(filter))
	for _, f := range filter {
		b = binary.LittleEndian.AppendUint16(b, f.Code)
		b = append(b, f.Jt, f.Jf)
		b = binary.LittleEndian.AppendUint32(b, f.K)
	}
	return b
}
