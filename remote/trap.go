package remote

import (
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/remote/cage"
	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/wire"
)

// onTrap decides about a call that the guest is about to make.
func (g *guest) onTrap() {
	r, err := g.task.Regs()
	if err != nil {
		return
	}
	g.regs, g.trapped = r, true
	if g.state != running {
		return // halted in mid-move: the call is looked at when the guest goes on
	}
	nr := uint64(uint32(r.OrigRax))
	row := abi.Lookup(nr)
	args := r.Args()
	switch {
	case g.foreign():
		g.askHome("it makes 32-bit system calls")
	case row == nil:
		g.askHome(fmt.Sprintf("unknown system call %d", nr))
	case row.Place(&args) == abi.Home:
		g.forward(row, nr, args)
	case row.Place(&args) == abi.ComeHome:
		g.askHome(reason(row))
	default:
		g.local(row, nr, args)
	}
}

// foreign tells that the trapped call is one of the 32-bit or x32 interface.
func (g *guest) foreign() bool {
	message, err := g.task.EventMessage()
	return err == nil && message == cage.TrapForeign
}

func reason(row *abi.Row) string {
	if row.Note == "" {
		return "it calls " + row.Name
	}
	return "it calls " + row.Name + ": " + row.Note
}

// askHome has home take the process back: it makes its next call there.
func (g *guest) askHome(why string) {
	switch g.state {
	case running, waiting:
	default:
		return
	}
	if g.trapped && g.state == running {
		g.state, g.homing = waiting, true
	}
	g.x.send(g.header(wire.TypeComeHome), &wire.Reason{Text: why, Must: g.homing})
}

// leaveTrap takes the guest out of a seccomp stop without making the call. The
// registers that it stopped with stay in g.regs.
func (g *guest) leaveTrap() error {
	if !g.trapped {
		return nil
	}
	r := g.regs
	r.Skip(0)
	if err := g.task.SetRegs(r); err != nil {
		return err
	}
	if err := g.task.Syscall(0); err != nil {
		return err
	}
	for {
		s, err := g.task.Wait()
		if err != nil {
			return err
		}
		if s.Kind == tracer.StopSyscall {
			g.trapped = false
			return nil
		}
		if err := g.task.Syscall(0); err != nil {
			return err
		}
	}
}

// injecting executes calls in the stopped guest, each in a session of its own.
func (g *guest) injecting() tracer.Caller { return injecting{g} }

type injecting struct{ g *guest }

func (i injecting) Call(nr uint64, args ...uint64) (int64, error) {
	if err := i.g.leaveTrap(); err != nil {
		return 0, err
	}
	in, err := i.g.task.Injector(i.g.loop.Insn())
	if err != nil {
		return 0, err
	}
	ret, err := in.Call(nr, args...)
	if err != nil {
		return 0, err
	}
	return ret, in.End()
}

// makeIt lets the guest's own kernel make the call that it is trapped at.
func (g *guest) makeIt() {
	g.trapped = false
	g.cont(0)
}

// halt stops a running guest. It reports false if the guest is gone. A guest that
// was about to make a call is waiting for its outcome afterwards.
func (g *guest) halt() bool {
	if g.state != running {
		return g.state != gone
	}
	for g.state == running {
		// Any other stop takes the interrupt with it: it is asked for each time.
		if g.task.Interrupt() != nil {
			return false
		}
		s, err := g.task.Wait()
		if err != nil {
			g.ended(s)
			return false
		}
		if s.Kind == tracer.StopTrap {
			return true
		}
		g.onStop(g.task, s)
	}
	return g.state != gone
}

// local carries out a call that needs no more than this node, or a word to home.
func (g *guest) local(row *abi.Row, nr uint64, args [6]uint64) {
	switch nr {
	case unix.SYS_EXIT_GROUP, unix.SYS_EXIT:
		g.exit(int(args[0]))
	case unix.SYS_RT_SIGACTION:
		g.tell(nr, [6]uint64{args[0], args[1], 0, args[3]})
		g.noteAction(args)
		g.makeIt()
	case unix.SYS_FUTEX:
		g.noteFutex(row, args)
		g.makeIt()
	case unix.SYS_MMAP:
		g.mmap(args)
	case unix.SYS_MREMAP:
		g.mremap(args)
	case unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MADVISE, unix.SYS_BRK, unix.SYS_MSYNC:
		g.mem.forget()
		g.makeIt()
	case unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_TGKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO,
		unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT, unix.SYS_PRLIMIT64, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_SETAFFINITY,
		unix.SYS_PRCTL:
		g.forward(row, nr, args)
	case unix.SYS_GETPID, unix.SYS_GETTID:
		g.finish(int64(g.pid))
	case unix.SYS_CLONE, unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_CLONE3:
		g.askHome("it starts a process or a thread")
	case unix.SYS_EXECVE, unix.SYS_EXECVEAT:
		g.askHome("it starts another program")
	case unix.SYS_MLOCK, unix.SYS_MLOCK2, unix.SYS_MUNLOCK, unix.SYS_MLOCKALL, unix.SYS_MUNLOCKALL:
		g.askHome("it locks memory")
	default:
		g.makeIt()
	}
}

// tell has home make a call, too, whose outcome does not matter.
func (g *guest) tell(nr uint64, args [6]uint64) {
	var c abi.Call
	if _, refusal := abi.PlanInto(&c, nr, args, g.mem); refusal != "" {
		return
	}
	payload, err := g.gather(&c)
	if err != nil {
		return
	}
	g.x.send(g.header(wire.TypeTell), &wire.Call{Call: c}, payload)
}

// noteAction keeps the set of ignored signals up to date.
func (g *guest) noteAction(args [6]uint64) {
	var handler [8]byte
	if sig := args[0]; sig >= 1 && sig <= 64 {
		if _, err := g.mem.ReadAt(handler[:], abi.Addr(args[1])); err == nil {
			g.ignored &^= 1 << (sig - 1)
			if handler == [8]byte{1} {
				g.ignored |= 1 << (sig - 1)
			}
		}
	}
}
