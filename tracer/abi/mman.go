package abi

import "golang.org/x/sys/unix"

// The protection of a mapping (man 2 mmap).
const (
	ProtNone  uint32 = unix.PROT_NONE
	ProtRead  uint32 = unix.PROT_READ
	ProtWrite uint32 = unix.PROT_WRITE
	ProtExec  uint32 = unix.PROT_EXEC
)

// The flags of a mapping that this project speaks of (man 2 mmap).
const (
	MapShared         uint32 = unix.MAP_SHARED
	MapPrivate        uint32 = unix.MAP_PRIVATE
	MapSharedValidate uint32 = unix.MAP_SHARED_VALIDATE
	MapType           uint32 = unix.MAP_TYPE // mask of the three above
	MapFixed          uint32 = unix.MAP_FIXED
	MapAnonymous      uint32 = unix.MAP_ANONYMOUS
	MapGrowsDown      uint32 = unix.MAP_GROWSDOWN
	MapLocked         uint32 = unix.MAP_LOCKED
	MapNoReserve      uint32 = unix.MAP_NORESERVE
	MapPopulate       uint32 = unix.MAP_POPULATE
	MapStack          uint32 = unix.MAP_STACK
	MapHugeTLB        uint32 = unix.MAP_HUGETLB
	MapFixedNoReplace uint32 = unix.MAP_FIXED_NOREPLACE
)

// ProtOf is the protection that the letters of /proc/PID/maps say ("r-xp").
func ProtOf(perms string) (prot uint32) {
	for i, bit := range [...]uint32{ProtRead, ProtWrite, ProtExec} {
		if i < len(perms) && perms[i] == "rwx"[i] {
			prot |= bit
		}
	}
	return prot
}
