package abi

// Any file, and files of file systems (man ioctl_fs and the kernel's fs/ioctl.c).
var fileIoctls = []ioctlRow{
	{cmd: 0x0001, name: "FIBMAP", dir: InOut, size: 4},
	{cmd: 0x0002, name: "FIGETBSZ", dir: InOut, size: 4},
	{cmd: 0x5421, name: "FIONBIO", dir: In, size: 4},
	{cmd: 0x5450, name: "FIONCLEX"},
	{cmd: 0x5451, name: "FIOCLEX"},
	{cmd: 0x5452, name: "FIOASYNC", dir: In, size: 4},
	{cmd: 0x5460, name: "FIOQSIZE", dir: InOut, size: 8},
	{cmd: 0xc0045877, name: "FIFREEZE"},
	{cmd: 0xc0045878, name: "FITHAW"},
	{cmd: 0xc0185879, name: "FITRIM", dir: InOut, size: 24},
	{cmd: 0x40049409, name: "FICLONE"},
	{cmd: 0x4020940d, name: "FICLONERANGE", dir: In, size: 32},
	{cmd: 0xc0189436, name: "FIDEDUPERANGE", plan: dedupeArg},
	{cmd: 0xc020660b, name: "FS_IOC_FIEMAP", plan: fiemapArg},
	{cmd: 0x80086601, name: "FS_IOC_GETFLAGS", dir: InOut, size: 4},
	{cmd: 0x40086602, name: "FS_IOC_SETFLAGS", dir: In, size: 4},
	{cmd: 0x80087601, name: "FS_IOC_GETVERSION", dir: InOut, size: 4},
	{cmd: 0x40087602, name: "FS_IOC_SETVERSION", dir: In, size: 4},
	{cmd: 0x801c581f, name: "FS_IOC_FSGETXATTR", dir: InOut, size: 28},
	{cmd: 0x401c5820, name: "FS_IOC_FSSETXATTR", dir: In, size: 28},
	{cmd: 0x81009431, name: "FS_IOC_GETFSLABEL", dir: InOut, size: 256},
	{cmd: 0x41009432, name: "FS_IOC_SETFSLABEL", dir: In, size: 256},
	{cmd: 0x80111500, name: "FS_IOC_GETFSUUID", dir: InOut, size: 17},
	{cmd: 0x80811501, name: "FS_IOC_GETFSSYSFSPATH", dir: InOut, size: 129},
	{cmd: 0x40305828, name: "FS_IOC_RESVSP", dir: In, size: 48},
	{cmd: 0x4030582a, name: "FS_IOC_RESVSP64", dir: In, size: 48},
	{cmd: 0x40305829, name: "FS_IOC_UNRESVSP", dir: In, size: 48},
	{cmd: 0x4030582b, name: "FS_IOC_UNRESVSP64", dir: In, size: 48},
	{cmd: 0x40305839, name: "FS_IOC_ZERO_RANGE", dir: In, size: 48},
	{cmd: 0x800c6613, name: "FS_IOC_SET_ENCRYPTION_POLICY", dir: In, size: 12},
	{cmd: 0x400c6615, name: "FS_IOC_GET_ENCRYPTION_POLICY", dir: InOut, size: 12},
	{cmd: 0xd0009412, name: "BTRFS_IOC_INO_LOOKUP", dir: InOut, size: 4096},
	{cmd: 0x80089419, name: "BTRFS_IOC_SUBVOL_GETFLAGS", dir: InOut, size: 8},
	{cmd: 0x8400941f, name: "BTRFS_IOC_FS_INFO", dir: InOut, size: 1024},
	{cmd: 0x00009408, name: "BTRFS_IOC_SYNC"},

	{cmd: 0xb701, name: "NS_GET_USERNS"},
	{cmd: 0xb702, name: "NS_GET_PARENT"},
	{cmd: 0xb703, name: "NS_GET_NSTYPE"},
	{cmd: 0xb704, name: "NS_GET_OWNER_UID", dir: InOut, size: 4},
	{cmd: 0x80088a02, name: "EPIOCGPARAMS", dir: InOut, size: 8},
	{cmd: 0x40088a01, name: "EPIOCSPARAMS", dir: In, size: 8},
	{cmd: 0x40085400, name: "TFD_IOC_SET_TICKS", dir: In, size: 8},
	{cmd: 0x40044900, name: "INOTIFY_IOC_SETNEXTWD"},
}

// dedupeArg shapes FIDEDUPERANGE: a header of 24 bytes and 32 for each of its
// destinations (16 bits at offset 16).
func dedupeArg(p *planner, i int) { p.counted(i, 24, 16, 0xffff, 32) }

// fiemapArg shapes FS_IOC_FIEMAP: a header of 32 bytes and 56 for each extent that
// there is room for (32 bits at offset 24).
func fiemapArg(p *planner, i int) { p.counted(i, 32, 24, 0xffffffff, 56) }

// counted adds a header and the elements behind it whose number is in the header.
func (p *planner) counted(i int, header, at int, mask uint32, element uint64) {
	size := uint64(header)
	if words := p.read(Addr(p.args[i]), header); words != nil {
		size += uint64(u32(words, at)&mask) * element
	}
	p.fixed(i, min(size, MaxRW), InOut)
}
