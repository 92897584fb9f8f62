package cage

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// actionAvailable asks the kernel for an action of seccomp filters.
func actionAvailable(action uint32) error {
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	if errno != 0 {
		return errno
	}
	return nil
}

const uffdioAPI = 0xc018aa3f // _IOWR(0xaa, 0x3f, struct uffdio_api)

// userfaultFeatures asks which features a userfaultfd could have.
func userfaultFeatures(fd int) (uint64, error) {
	api := struct{ api, features, ioctls uint64 }{api: uffdAPI}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uffdioAPI, uintptr(unsafe.Pointer(&api))); errno != 0 {
		return 0, errno
	}
	return api.features, nil
}

const (
	pagemapScanIoctl = 0xc0606610 // _IOWR('f', 16, struct pm_scan_arg)
	pageIsPresent    = 1 << 3
)

// pageRegion is struct page_region, pagemapArgs struct pm_scan_arg (linux/fs.h).
type pageRegion [3]uint64 // start, end, categories
type pagemapArgs struct {
	size, flags, start, end, walkEnd     uint64
	vec                                  *pageRegion
	vecLen, maxPages                     uint64
	inverted, mask, anyOf, returnedKinds uint64
}

// pagemapScan scans the first page of this program's address space.
func pagemapScan(fd int) error {
	var region pageRegion
	args := pagemapArgs{end: 4096, vec: &region, vecLen: 1, returnedKinds: pageIsPresent}
	args.size = uint64(unsafe.Sizeof(args))
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), pagemapScanIoctl, uintptr(unsafe.Pointer(&args))); errno != 0 {
		return errno
	}
	return nil
}
