package abi

import (
	"slices"
	"sort"
)

// ioctlRow is the shape of one command: Size bytes at the argument in direction
// Dir; Dir 0 if the argument is a number or ignored. What the kernel writes travels
// both ways, because different drivers write more or less of it.
type ioctlRow struct {
	cmd    uint32
	name   string
	dir    Dir
	size   uint32
	blocks bool
	plan   func(p *planner, i int)
}

var ioctls = sortedIoctls(ttyIoctls, fileIoctls, blockIoctls, netIoctls, deviceIoctls)

// sortedIoctls merges groups of commands for binary search. A number that two
// drivers share stands in one group only.
func sortedIoctls(groups ...[]ioctlRow) []ioctlRow {
	all := slices.Concat(groups...)
	slices.SortFunc(all, func(a, b ioctlRow) int { return int(int64(a.cmd) - int64(b.cmd)) })
	for i := range all[1:] {
		if all[i].cmd == all[i+1].cmd {
			panic("abi: two rows for " + all[i].name)
		}
	}
	return all
}

// findIoctl is the row of a command, or nil.
func findIoctl(cmd uint32) *ioctlRow {
	i := sort.Search(len(ioctls), func(i int) bool { return ioctls[i].cmd >= cmd })
	if i < len(ioctls) && ioctls[i].cmd == cmd {
		return &ioctls[i]
	}
	return nil
}

// ioctlArg shapes ioctl's third argument.
func ioctlArg(p *planner, i int) {
	cmd := uint32(p.args[1])
	row := findIoctl(cmd)
	switch {
	case row == nil && flatFamily(cmd):
		p.fixed(i, uint64(cmd>>16&0x3fff), familyDir(cmd))
	case row == nil:
		p.refuse("unknown command %#x", cmd)
	case row.plan != nil:
		row.plan(p, i)
	case row.dir != 0:
		p.fixed(i, uint64(row.size), row.dir)
	}
}

// ioctlBlocks reports whether a command waits for somebody else.
func ioctlBlocks(args *[6]uint64) bool {
	row := findIoctl(uint32(args[1]))
	return row != nil && row.blocks
}

// The parts of a command's number (include/uapi/asm-generic/ioctl.h).
const (
	iocWrite = 1 // the kernel reads
	iocRead  = 2 // the kernel writes
)

// flatFamily reports whether a command belongs to a family whose numbers tell the
// truth about size and direction, and whose structs hold no pointers.
func flatFamily(cmd uint32) bool {
	size, nr := cmd>>16&0x3fff, cmd&0xff
	if size == 0 || cmd>>30 == 0 {
		return false
	}
	switch cmd >> 8 & 0xff {
	case 'E': // event devices, without force feedback (0x80) and the event masks (0x92, 0x93)
		return nr != 0x80 && nr != 0x92 && nr != 0x93
	case 'p': // real-time clocks, without RTC_PARAM_*
		return nr <= 0x13
	case 'W': // watchdogs
		return nr <= 0x0a
	case 'j': // joysticks
		return nr < 0x40
	case 0xff: // PIDFD_GET_INFO
		return nr == 11
	}
	return false
}

// familyDir is the direction that a command's number tells.
func familyDir(cmd uint32) Dir {
	if cmd>>30&iocRead != 0 {
		return InOut
	}
	return In
}
