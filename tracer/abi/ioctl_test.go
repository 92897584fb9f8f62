package abi

import "testing"

// TestIoctlNumbersTellTheirSize compares rows with what their numbers say. Some old
// numbers lie: the kernel's code decides for those.
func TestIoctlNumbersTellTheirSize(t *testing.T) {
	lies := map[string]bool{"FS_IOC_GETFLAGS": true, "FS_IOC_SETFLAGS": true, "FS_IOC_GETVERSION": true, "FS_IOC_SETVERSION": true,
		"BLKBSZGET": true, "BLKBSZSET": true, "TUNSETIFF": true, "TUNGETIFF": true, "TUNSETQUEUE": true,
		"FS_IOC_SET_ENCRYPTION_POLICY": true, "FS_IOC_GET_ENCRYPTION_POLICY": true}
	for _, r := range ioctls {
		if r.cmd>>30 == 0 || r.dir == 0 || lies[r.name] {
			continue
		}
		if size := r.cmd >> 16 & 0x3fff; size != r.size {
			t.Errorf("%s has %d bytes, its number says %d", r.name, r.size, size)
		}
		if writes := r.cmd>>30&iocRead != 0; writes != (r.dir == InOut) {
			t.Errorf("%s goes %s, its number says otherwise", r.name, r.dir)
		}
	}
}

func TestIoctlFamilies(t *testing.T) {
	for cmd, flat := range map[uint32]bool{
		0x80404506: true,  // EVIOCGNAME(64)
		0x40304580: false, // EVIOCSFF points to more
		0x80247009: true,  // RTC_RD_TIME
		0x80045705: true,  // WDIOC_KEEPALIVE
		0xc0000000: false, // no size
		0xc01c64a1: false, // graphics
	} {
		if flatFamily(cmd) != flat {
			t.Errorf("%#x is flat: %v", cmd, !flat)
		}
	}
}
