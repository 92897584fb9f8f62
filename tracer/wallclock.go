package tracer

import (
	"bytes"
	"encoding/binary"

	"umosix/tracer/abi"
)

// The window has functions with which the program's vdso is replaced on a node whose wall
// clock is not home's: they add an offset to what the node's kernel says.

// wallMark stands in the functions' code for the address of the offset, and wallKeep is
// how many bytes of code each takes to keep its arguments (wallclock_amd64.s).
const (
	wallMark = 0x6b636f6c636c6c77
	wallKeep = 6
)

// wallCode is the functions as they lie in the window.
func (l *Loop) wallCode() []byte {
	code, entries := wallBytes()
	l.wall = map[string]abi.Addr{"": l.Window + wallStart + abi.Addr(len(code))}
	for name, at := range entries {
		l.wall[name] = l.Window + wallStart + abi.Addr(at)
	}
	mark, at := binary.LittleEndian.AppendUint64(nil, wallMark), binary.LittleEndian.AppendUint64(nil, uint64(l.Window+wallOffset))
	return bytes.ReplaceAll(code, mark, at)
}

// WallFunction is where a function of the vdso (man vdso, "__vdso_time") lies that shows
// the wall clock with the offset of SetWall. ok is false for those that show none.
func (l *Loop) WallFunction(name string) (at abi.Addr, ok bool) {
	at, ok = l.wall[name]
	return at, ok && name != ""
}

// SetWall sets how far home's wall clock is ahead of this node's, in nanoseconds, for the
// functions of WallFunction. Programs may run meanwhile.
func (l *Loop) SetWall(ahead int64) { store64(l.shared, wallOffset-slotsStart, uint64(ahead)) }

// LeaveWall tells which of these functions a stopped task is in, and gives it the
// arguments with which the function was called. It is empty if it is in none.
func (l *Loop) LeaveWall(r *Regs) (name string) {
	for function, at := range l.wall {
		if function != "" && r.PC() >= at && r.PC() < l.wall[""] && (name == "" || at > l.wall[name]) {
			name = function
		}
	}
	if name != "" && r.PC() >= l.wall[name]+wallKeep {
		r.Rdi, r.Rsi = r.R9, r.R10
	}
	return name
}
