package snapshot

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// robustList is get_robust_list(2) of another task.
func robustList(tid abi.LocalPid) (abi.Addr, uint64, error) {
	var head, size uint64
	_, _, errno := unix.Syscall(unix.SYS_GET_ROBUST_LIST, uintptr(tid), uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0, 0, fmt.Errorf("robust list of %d: %w", tid, errno)
	}
	return abi.Addr(head), size, nil
}
