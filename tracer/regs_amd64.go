package tracer

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// Regs is struct user_regs_struct of x86-64 (arch/x86/include/asm/user_64.h).
type Regs struct {
	R15, R14, R13, R12, Rbp, Rbx, R11, R10, R9, R8         uint64
	Rax, Rcx, Rdx, Rsi, Rdi, OrigRax, Rip, Cs, Eflags, Rsp uint64
	Ss, FsBase, GsBase, Ds, Es, Fs, Gs                     uint64
}

// RegsSize is the size of Regs in bytes.
const RegsSize = 27 * 8

// noSyscall in orig_rax tells the kernel that the task is not in a system call,
// so that it leaves rip and rax alone (arch/x86/kernel/signal.c).
const noSyscall = ^uint64(0)

// Bits of eflags that must not leak into code that we run in a task.
const eflagsTrap, eflagsDirection = 1 << 8, 1 << 10

// Nr is the number of the system call that the task is in, or -1.
func (r *Regs) Nr() int64 { return int64(r.OrigRax) }

// Arg is argument n (0..5) of that call.
func (r *Regs) Arg(n int) uint64 {
	return [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9}[n]
}

// Args are the arguments of that call.
func (r *Regs) Args() [6]uint64 { return [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9} }

// SetArgs sets the arguments of a call.
func (r *Regs) SetArgs(a [6]uint64) {
	r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9 = a[0], a[1], a[2], a[3], a[4], a[5]
}

// Result is what the call returned: a negative errno, or a restart code.
func (r *Regs) Result() int64 { return int64(r.Rax) }

// SetResult sets what the call returns.
func (r *Regs) SetResult(ret int64) { r.Rax = uint64(ret) }

// PC is the address of the next instruction.
func (r *Regs) PC() abi.Addr { return abi.Addr(r.Rip) }

// LeaveSyscall marks the task as not being in a system call.
func (r *Regs) LeaveSyscall() { r.OrigRax = noSyscall }

// Skip makes the kernel not execute the call of a seccomp stop and return ret.
func (r *Regs) Skip(ret int64) { r.OrigRax, r.Rax = noSyscall, uint64(ret) }

// Rewind puts the task before its `syscall` instruction, to make call nr again.
func (r *Regs) Rewind(nr uint64) {
	r.Rip -= 2
	r.Rax = nr
	r.OrigRax = noSyscall
}

// Suspended is the signal mask of the call that the task is in, interrupted, if it has one of
// its own and is made again unless a signal is handled. The registers become those from before
// the kernel looked at that.
func (r *Regs) Suspended(m *Memory) (mask uint64, ok bool) {
	r.UndoRestart(m)
	if r.Result() != abi.RestartHand || r.Nr() < 0 {
		return 0, false
	}
	row, args := abi.Lookup(r.OrigRax), r.Args()
	if row == nil {
		return 0, false
	}
	return row.Mask.Read(&args, m)
}

// UndoRestart is for a task that stands before its `syscall` instruction, about to go on
// with an interrupted call: the kernel has looked at the code that asks for that already
// (arch_do_signal_or_restart), and has left the call's number in both places, unless the task
// was interrupted there, by a page fault for one. Only this task, in this place, can use what
// it has noted, and a signal that comes now ends the call as it ends one that waits. The
// registers become those from before the kernel looked, of calls that do nothing but wait; it
// reports whether they were such. One that is about to be made for the first time may look
// the same: it ends like one that has just begun.
func (r *Regs) UndoRestart(m *Memory) bool {
	args := r.Args()
	code, waits := abi.WaitCode(r.Rax, &args)
	if r.Rax == unix.SYS_RESTART_SYSCALL {
		code, waits = abi.RestartAgain, true
	} else if r.OrigRax != r.Rax && r.OrigRax != noSyscall {
		waits = false
	}
	var insn [2]byte
	if !waits {
		return false
	}
	if _, err := m.ReadAt(insn[:], r.PC()); err != nil || insn != [2]byte{0x0f, 0x05} {
		return false
	}
	r.Rip += 2
	r.OrigRax = r.Rax
	r.SetResult(code)
	return true
}

// enter puts the task before the `syscall` instruction at insn with a call loaded.
func (r *Regs) enter(insn abi.Addr, nr uint64, args [6]uint64) {
	r.Rip, r.Rax, r.OrigRax = uint64(insn), nr, noSyscall
	r.SetArgs(args)
	r.Eflags &^= eflagsTrap | eflagsDirection
}

// Is32 tells that the task runs 32-bit code.
func (r *Regs) Is32() bool { return r.Cs == 0x23 }

// Bytes is r as the kernel lays it out.
func (r *Regs) Bytes() []byte {
	b := make([]byte, RegsSize)
	if _, err := binary.Encode(b, binary.LittleEndian, r); err != nil {
		panic(fmt.Sprintf("tracer: registers do not fit in %d bytes: %v", RegsSize, err))
	}
	return b
}

// RegsFrom reads what Bytes wrote.
func RegsFrom(b []byte) (r Regs, err error) {
	if len(b) != RegsSize {
		return r, fmt.Errorf("register set of %d bytes instead of %d", len(b), RegsSize)
	}
	_, err = binary.Decode(b, binary.LittleEndian, &r)
	return r, err
}
