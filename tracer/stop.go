package tracer

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// StopKind is why a task stands still, or that it is no more. The set is closed:
// nothing outside this file looks at the bits of a wait status.
type StopKind uint8

// The kinds of stops (man ptrace, "Stopped states").
const (
	StopSignal  StopKind = iota + 1 // signal-delivery-stop: Signal is about to be delivered
	StopGroup                       // group-stop of a seized task: Signal is the stopping signal
	StopTrap                        // PTRACE_EVENT_STOP after PTRACE_INTERRUPT, SIGCONT, or of a new child
	StopSyscall                     // syscall-enter-stop or syscall-exit-stop
	StopEvent                       // PTRACE_EVENT_*: Event says which
	StopSeccomp                     // PTRACE_EVENT_SECCOMP: a call is trapped, not yet executed
	StopExited                      // gone, with exit status Status
	StopKilled                      // gone, killed by Signal
)

// Stop is one report about a task.
type Stop struct {
	Kind   StopKind
	Signal int
	Event  int
	Status int
	Core   bool // StopKilled: the kernel wrote a core file
}

// Ended tells that the task is no more.
func (s Stop) Ended() bool { return s.Kind == StopExited || s.Kind == StopKilled }

// Leaving tells that the task stands in its exit.
func (s Stop) Leaving() bool { return s.Kind == StopEvent && s.Event == unix.PTRACE_EVENT_EXIT }

func (s Stop) String() string {
	switch s.Kind {
	case StopSignal:
		return "signal " + unix.SignalName(unix.Signal(s.Signal))
	case StopGroup:
		return "group stop by " + unix.SignalName(unix.Signal(s.Signal))
	case StopTrap:
		return "trap"
	case StopSyscall:
		return "syscall stop"
	case StopEvent:
		return fmt.Sprintf("event %d", s.Event)
	case StopSeccomp:
		return "seccomp stop"
	case StopExited:
		return fmt.Sprintf("exited %d", s.Status)
	case StopKilled:
		return "killed by " + unix.SignalName(unix.Signal(s.Signal))
	}
	return "no stop"
}

// decodeStop turns a wait status into a Stop, once, at the edge.
func decodeStop(w unix.WaitStatus) Stop {
	switch {
	case w.Exited():
		return Stop{Kind: StopExited, Status: w.ExitStatus()}
	case w.Signaled():
		return Stop{Kind: StopKilled, Signal: int(w.Signal()), Core: w.CoreDump()}
	case !w.Stopped():
		panic(fmt.Sprintf("tracer: wait status %#x is neither a stop nor an end", uint32(w)))
	}
	sig, event := int(w.StopSignal()), int(uint32(w)>>16)
	switch {
	case event == unix.PTRACE_EVENT_STOP && sig != int(unix.SIGTRAP):
		return Stop{Kind: StopGroup, Signal: sig}
	case event == unix.PTRACE_EVENT_STOP:
		return Stop{Kind: StopTrap}
	case event == unix.PTRACE_EVENT_SECCOMP:
		return Stop{Kind: StopSeccomp}
	case event != 0:
		return Stop{Kind: StopEvent, Event: event}
	case sig == int(unix.SIGTRAP)|0x80: // PTRACE_O_TRACESYSGOOD
		return Stop{Kind: StopSyscall}
	}
	return Stop{Kind: StopSignal, Signal: sig}
}
