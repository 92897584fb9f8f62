package cage

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// Thread says how a thread is to be made (man clone3).
type Thread struct {
	Tid                      abi.HomePid
	Flags                    uint64 // abi.ThreadFlags, and those that have the kernel write memory or set a register
	ParentTid, ChildTid, TLS uint64
}

// SpawnTask makes one more task in the process of the task that in injects into. It
// stands in its first stop, behind the `syscall` instruction that in uses, with all
// signals blocked; it has the walls that the other has. room is memory of the process
// for the arguments, at that address.
//
// The error is ErrPid if the number cannot be had, as in every cage without
// namespaces.
func (c *Cage) SpawnTask(in *tracer.Injector, t Thread, at abi.Addr, room []byte) (*tracer.Task, error) {
	if !c.exact.pids {
		return nil, fmt.Errorf("%w: threads need a cage with namespaces", ErrPid)
	}
	number := uint64(at) + cloneArgsSize
	args := words(t.Flags, 0, t.ChildTid, t.ParentTid, 0, 0, 0, t.TLS, number, 1)
	copy(room, binary.LittleEndian.AppendUint32(args, uint32(t.Tid)))
	child, ret, err := in.Clone(unix.SYS_CLONE3, uint64(at), cloneArgsSize)
	if err != nil {
		return nil, fmt.Errorf("spawn task %d: %w", t.Tid, err)
	}
	if child == nil {
		return nil, fmt.Errorf("spawn task %d: %w", t.Tid, explainClone(unix.Errno(-ret)))
	}
	return child, nil
}
