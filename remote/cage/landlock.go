package cage

import (
	"sync"

	"golang.org/x/sys/unix"
)

// What a ruleset can handle per version of Landlock's interface (man landlock).
// A version that is not known here is used as the last one that is.
var landlockVersions = []struct{ files, network, scopes uint64 }{
	1: {files: 0x1fff},
	2: {files: 0x3fff},                            // refer
	3: {files: 0x7fff},                            // truncate
	4: {files: 0x7fff, network: 0x3},              // bind and connect TCP
	5: {files: 0xffff, network: 0x3},              // ioctl of devices
	6: {files: 0xffff, network: 0x3, scopes: 0x3}, // abstract sockets, signals
}

// landlockVersion is the kernel's version of the interface; 0 is none.
var landlockVersion = sync.OnceValue(func() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
})

// denyAll puts the process into a Landlock domain without a single rule: no file,
// no port, no socket or process of others. It reports false on a kernel without
// Landlock. The process has no_new_privs.
func denyAll(h *hands) (bool, error) {
	version := min(landlockVersion(), len(landlockVersions)-1)
	if version == 0 {
		return false, nil
	}
	can := landlockVersions[version]
	size := uint64(8)
	switch {
	case version >= 6:
		size = 24
	case version >= 4:
		size = 16
	}
	fd, err := h.doWith("landlock ruleset", words(can.files, can.network, can.scopes), 0,
		unix.SYS_LANDLOCK_CREATE_RULESET, 0, size, 0)
	if err != nil {
		return false, err
	}
	if _, err := h.do("landlock", unix.SYS_LANDLOCK_RESTRICT_SELF, uint64(fd), 0); err != nil {
		return false, err
	}
	_, err = h.do("close landlock ruleset", unix.SYS_CLOSE, uint64(fd))
	return err == nil, err
}
