package remote

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/tracer/snapshot"
)

// noteLimit has the guest keep to a limit that its program has just set at home (man
// setrlimit), where it is one of memory.
func (t *task) noteLimit(ret int64) {
	args := t.call.Args
	resource, at := int(int32(args[0])), abi.Addr(args[1])
	switch t.call.Nr {
	case unix.SYS_SETRLIMIT:
	case unix.SYS_PRLIMIT64:
		if pid := abi.HomePid(int32(args[0])); pid != 0 && pid != t.g.pid {
			return
		}
		resource, at = int(int32(args[1])), abi.Addr(args[2])
	default:
		return
	}
	var words [16]byte
	if _, err := t.g.mem.ReadAt(words[:], at); ret < 0 || at == 0 || err != nil {
		return
	}
	l := image.Limit{Resource: resource, Soft: binary.LittleEndian.Uint64(words[:]), Hard: binary.LittleEndian.Uint64(words[8:])}
	limits := slices.Clone(t.g.image.Limits) // a child has the same ones
	if i := slices.IndexFunc(limits, func(l image.Limit) bool { return l.Resource == resource }); i >= 0 {
		limits[i] = l
	}
	t.g.image.Limits = limits
	if err := snapshot.SetLimit(t.g.leader().k.Tid, t.g.loop.Range(), l); err != nil {
		t.g.x.log.Warn().Int("pid", int(t.g.pid)).Err(err).Msg("limit not set")
	}
}
