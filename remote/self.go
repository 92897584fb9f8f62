package remote

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// signalSelf serves a signal that a program sends to itself: when the call returns, the
// signal is with its task or pending (man 2 kill), which a way by home could not promise.
// It reports false for a call that home is to make.
func (t *task) signalSelf(nr uint64, args [6]uint64) bool {
	g := t.g
	if !g.x.cage.ExactPids() {
		return false
	}
	info, to, shared, ok := t.ownSignal(nr, args)
	sig := info.Signal()
	if !ok || sig < 1 || sig > 64 || sig == int(unix.SIGKILL) {
		return false
	}
	if g.atHome&(1<<(sig-1)) != 0 && (t.blocks(sig) || !shared && to != t) {
		return false // it is for the signalfd
	}
	if alone := !shared && to == t || shared && len(g.tasks) == 1; alone && t.takesAtOnce(info.Signal()) {
		t.makeIt()
		return true
	}
	t.state, t.call = waiting, abi.Call{Nr: nr} // it stands still, as far as others look
	var err error
	switch {
	case shared:
		err = g.receive(&info)
	case to == t || to.halt():
		err = to.receive(&info, true)
	}
	if g.stage == alive {
		t.finish(result(err))
	}
	return true
}

// takesAtOnce tells whether the task takes a signal that it sends to itself before its call
// returns, by its own kernel's doing. The process does not stop for it, or go on.
func (t *task) takesAtOnce(sig int) bool {
	return (abi.Stops|abi.Continues)&(1<<(sig-1)) == 0 && !t.blocks(sig)
}

// asHome makes a signal that the guest has sent to itself what it would be at home: to its
// own kernel the guest is another user.
func (g *guest) asHome(info *tracer.Siginfo) (changed bool) {
	le := binary.LittleEndian
	code, by := int32(le.Uint32(info[8:])), abi.HomePid(le.Uint32(info[16:]))
	if code != abi.SiUser && code != abi.SiTkill || by != g.pid || le.Uint32(info[20:]) == g.image.Process.Uid {
		return false
	}
	le.PutUint32(info[20:], g.image.Process.Uid)
	return true
}

// asHomeAll is asHome for signals in an image.
func (g *guest) asHomeAll(pending [][]byte) {
	for _, raw := range pending {
		var info tracer.Siginfo
		copy(info[:], raw)
		if g.asHome(&info) {
			copy(raw, info[:])
		}
	}
}

// result is what a call returns that has ended with an errno, or well.
func result(err error) int64 {
	if err == nil {
		return 0
	}
	return -int64(unix.EAGAIN) // what a full queue gives
}

// ownSignal reads what is sent, and to which task, unless to the process; ok tells
// that it is one of this guest.
func (t *task) ownSignal(nr uint64, args [6]uint64) (info tracer.Siginfo, to *task, shared, ok bool) {
	code, sig := abi.SiTkill, args[1]
	switch nr {
	case unix.SYS_KILL, unix.SYS_RT_SIGQUEUEINFO:
		code, shared, ok = abi.SiUser, true, t.isOwnPid(args[0])
	case unix.SYS_TKILL:
		to = t.g.task(abi.HomePid(int32(args[0])))
		ok = to != nil
	case unix.SYS_TGKILL, unix.SYS_RT_TGSIGQUEUEINFO:
		sig, to = args[2], t.g.task(abi.HomePid(int32(args[1])))
		ok = to != nil && t.isOwnPid(args[0])
	}
	le := binary.LittleEndian
	le.PutUint32(info[0:], uint32(sig))
	le.PutUint32(info[8:], uint32(code))
	le.PutUint32(info[16:], uint32(t.g.pid))
	le.PutUint32(info[20:], t.g.image.Process.Uid)
	if ok && (nr == unix.SYS_RT_SIGQUEUEINFO || nr == unix.SYS_RT_TGSIGQUEUEINFO) {
		at := args[2]
		if nr == unix.SYS_RT_TGSIGQUEUEINFO {
			at = args[3]
		}
		_, err := t.g.mem.ReadAt(info[:], abi.Addr(at))
		le.PutUint32(info[0:], uint32(sig))
		ok = err == nil
	}
	return info, to, shared, ok
}

func (t *task) isOwnPid(arg uint64) bool { return abi.HomePid(int32(arg)) == t.g.pid }

// pendingAmong tells whether one of the signals of a set in the guest's memory waits here
// for the guest or one of its tasks (man proc_pid_status).
func (g *guest) pendingAmong(at abi.Addr) bool {
	var set [abi.SigsetSize]byte
	if _, err := g.mem.ReadAt(set[:], at); err != nil {
		return false
	}
	return slices.ContainsFunc(g.tasks, func(t *task) bool {
		own, shared, err := tracer.Pending(t.k.Tid)
		return err == nil && (own|shared)&binary.LittleEndian.Uint64(set[:]) != 0
	})
}

// noteSignalfd notes the signals of a signalfd that home has just made or changed.
func (t *task) noteSignalfd(ret int64) {
	if t.call.Nr != unix.SYS_SIGNALFD && t.call.Nr != unix.SYS_SIGNALFD4 || ret < 0 {
		return
	}
	var set [abi.SigsetSize]byte
	if _, err := t.g.mem.ReadAt(set[:], abi.Addr(t.call.Args[1])); err == nil {
		t.g.atHome |= binary.LittleEndian.Uint64(set[:])
	}
}
