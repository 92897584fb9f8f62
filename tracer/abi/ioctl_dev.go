package abi

// Disks (man 4 sd, include/uapi/linux/fs.h, loop.h, cdrom.h).
var blockIoctls = []ioctlRow{
	{cmd: 0x0301, name: "HDIO_GETGEO", dir: InOut, size: 16},
	{cmd: 0x125d, name: "BLKROSET", dir: In, size: 4},
	{cmd: 0x125e, name: "BLKROGET", dir: InOut, size: 4},
	{cmd: 0x125f, name: "BLKRRPART"},
	{cmd: 0x1260, name: "BLKGETSIZE", dir: InOut, size: 8},
	{cmd: 0x1261, name: "BLKFLSBUF"},
	{cmd: 0x1262, name: "BLKRASET"},
	{cmd: 0x1263, name: "BLKRAGET", dir: InOut, size: 8},
	{cmd: 0x1264, name: "BLKFRASET"},
	{cmd: 0x1265, name: "BLKFRAGET", dir: InOut, size: 8},
	{cmd: 0x1267, name: "BLKSECTGET", dir: InOut, size: 2},
	{cmd: 0x1268, name: "BLKSSZGET", dir: InOut, size: 4},
	{cmd: 0x80081270, name: "BLKBSZGET", dir: InOut, size: 4},
	{cmd: 0x40081271, name: "BLKBSZSET", dir: In, size: 4},
	{cmd: 0x80081272, name: "BLKGETSIZE64", dir: InOut, size: 8},
	{cmd: 0x1277, name: "BLKDISCARD", dir: In, size: 16},
	{cmd: 0x1278, name: "BLKIOMIN", dir: InOut, size: 4},
	{cmd: 0x1279, name: "BLKIOOPT", dir: InOut, size: 4},
	{cmd: 0x127a, name: "BLKALIGNOFF", dir: InOut, size: 4},
	{cmd: 0x127b, name: "BLKPBSZGET", dir: InOut, size: 4},
	{cmd: 0x127c, name: "BLKDISCARDZEROES", dir: InOut, size: 4},
	{cmd: 0x127d, name: "BLKSECDISCARD", dir: In, size: 16},
	{cmd: 0x127e, name: "BLKROTATIONAL", dir: InOut, size: 2},
	{cmd: 0x127f, name: "BLKZEROOUT", dir: In, size: 16},
	{cmd: 0x80081280, name: "BLKGETDISKSEQ", dir: InOut, size: 8},
	{cmd: 0x4c00, name: "LOOP_SET_FD"},
	{cmd: 0x4c01, name: "LOOP_CLR_FD"},
	{cmd: 0x4c04, name: "LOOP_SET_STATUS64", dir: In, size: 232},
	{cmd: 0x4c05, name: "LOOP_GET_STATUS64", dir: InOut, size: 232},
	{cmd: 0x4c06, name: "LOOP_CHANGE_FD"},
	{cmd: 0x4c07, name: "LOOP_SET_CAPACITY"},
	{cmd: 0x4c08, name: "LOOP_SET_DIRECT_IO"},
	{cmd: 0x4c09, name: "LOOP_SET_BLOCK_SIZE"},
	{cmd: 0x4c80, name: "LOOP_CTL_ADD"},
	{cmd: 0x4c81, name: "LOOP_CTL_REMOVE"},
	{cmd: 0x4c82, name: "LOOP_CTL_GET_FREE"},
	{cmd: 0x5309, name: "CDROMEJECT"},
	{cmd: 0x5319, name: "CDROMCLOSETRAY"},
	{cmd: 0x5326, name: "CDROM_DRIVE_STATUS"},
	{cmd: 0x5327, name: "CDROM_DISC_STATUS"},
	{cmd: 0x5329, name: "CDROM_LOCKDOOR"},
	{cmd: 0x5331, name: "CDROM_GET_CAPABILITY"},
}

// Other devices (man 4 rtc, random; families of flat structs are in flatFamily).
var deviceIoctls = []ioctlRow{
	{cmd: 0x7001, name: "RTC_AIE_ON"},
	{cmd: 0x7002, name: "RTC_AIE_OFF"},
	{cmd: 0x7003, name: "RTC_UIE_ON"},
	{cmd: 0x7004, name: "RTC_UIE_OFF"},
	{cmd: 0x7005, name: "RTC_PIE_ON"},
	{cmd: 0x7006, name: "RTC_PIE_OFF"},
	{cmd: 0x4008700c, name: "RTC_IRQP_SET"},
	{cmd: 0x4008700e, name: "RTC_EPOCH_SET"},
	{cmd: 0x7014, name: "RTC_VL_CLR"},
	{cmd: 0x80045200, name: "RNDGETENTCNT", dir: InOut, size: 4},
	{cmd: 0x40045201, name: "RNDADDTOENTCNT", dir: In, size: 4},
	{cmd: 0x40085203, name: "RNDADDENTROPY", plan: entropyArg},
	{cmd: 0x5204, name: "RNDZAPENTCNT"},
	{cmd: 0x5206, name: "RNDCLEARPOOL"},
	{cmd: 0x5207, name: "RNDRESEEDCRNG"},
}

// entropyArg shapes RNDADDENTROPY: 8 bytes and as many as the second word says.
func entropyArg(p *planner, i int) {
	size := uint64(8)
	if words := p.read(Addr(p.args[i]), 8); words != nil && int32(u32(words, 4)) > 0 {
		size += uint64(u32(words, 4))
	}
	p.fixed(i, size, In)
}
