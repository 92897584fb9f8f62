package tracer

import (
	"fmt"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// doorbell is a traced process of our own that only exists to be sent a signal:
// its signal stop wakes the tracer's thread out of wait4. A signal to the thread
// itself could come just before it enters wait4 and be lost; a stop cannot.
type doorbell struct {
	pid  abi.LocalPid
	rung atomic.Bool
}

// startDoorbell runs on the tracer's thread.
func startDoorbell() (*doorbell, error) {
	pid, err := StartSeed("mosix-doorbell", &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL, Setsid: true})
	if err != nil {
		return nil, err
	}
	if err := ptrace(ptraceSeize, pid, 0, unix.PTRACE_O_EXITKILL); err != nil {
		return nil, fmt.Errorf("seize doorbell %d: %w", pid, err)
	}
	return &doorbell{pid: pid}, nil
}

// ring makes wait4 on the tracer's thread return.
func (d *doorbell) ring() {
	if d.rung.CompareAndSwap(false, true) {
		unix.Kill(int(d.pid), unix.SIGUSR1)
	}
}

// answer takes the stop that ring caused; the signal is not delivered.
func (d *doorbell) answer(s Stop) {
	if s.Ended() {
		panic(fmt.Sprintf("tracer: doorbell %d has %v", d.pid, s))
	}
	d.rung.Store(false)
	if err := ptrace(ptraceCont, d.pid, 0, 0); err != nil {
		panic(fmt.Sprintf("tracer: doorbell %d: %v", d.pid, err))
	}
}

func (d *doorbell) stop() {
	unix.Kill(int(d.pid), unix.SIGKILL)
	var status unix.WaitStatus
	wait4(int(d.pid), &status, unix.WALL)
}
