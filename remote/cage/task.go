package cage

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// SpawnTask makes one more task in the process of the leader that in injects into.
// Its number inside is tid. It stands in its first stop, behind the `syscall`
// instruction that in uses, with all signals blocked; it has the walls that the
// leader has. room is memory of the process for the arguments, at that address.
//
// The error is ErrPid if the number cannot be had, as in every cage without
// namespaces.
func (c *Cage) SpawnTask(in *tracer.Injector, tid abi.HomePid, at abi.Addr, room []byte) (*tracer.Task, error) {
	if !c.exact.pids {
		return nil, fmt.Errorf("%w: threads need a cage with namespaces", ErrPid)
	}
	const flags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM
	copy(room, taskArgs(flags, at, tid))
	child, ret, err := in.Clone(unix.SYS_CLONE3, uint64(at), cloneArgsSize)
	if err != nil {
		return nil, fmt.Errorf("spawn task %d: %w", tid, err)
	}
	if child == nil {
		errno := unix.Errno(-ret)
		if errno == unix.EEXIST || errno == unix.EINVAL {
			err = ErrPid
		}
		return nil, fmt.Errorf("spawn task %d: %w", tid, errors.Join(errno, err))
	}
	return child, nil
}

// taskArgs are the arguments of clone3 for a task with that number, to be placed at
// an address, the number behind them.
func taskArgs(flags uint64, at abi.Addr, tid abi.HomePid) []byte {
	return append(words(flags, 0, 0, 0, 0, 0, 0, 0, uint64(at)+cloneArgsSize, 1), byte(tid), byte(tid>>8), byte(tid>>16), byte(tid>>24))
}
