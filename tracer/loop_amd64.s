#include "textflag.h"

// The resident loop: code that is copied into a process of a job and runs there,
// never here. RBX is the address of the task's slot; the offsets are those of
// type slot. It uses no stack and no register that a system call preserves, but
// RBX.
//
//	idle:  turn is not 1: wait for a change of turn (futex)
//	run:   turn is 1: set the mask of the call, execute it, set the idle mask again
//	done:  store the result, set turn to 2, wake home's thread if it sleeps
TEXT ·loopCode(SB), NOSPLIT|NOFRAME, $0
idle:
	MOVL $1, 96(BX)        // asleep: home must wake us
	MOVL (BX), DX
	CMPL DX, $1
	JEQ  run
	MOVQ BX, DI
	XORL SI, SI            // FUTEX_WAIT
	XORL R10, R10
	MOVL $202, AX          // futex
	SYSCALL
	JMP  idle
run:
	MOVL $0, 96(BX)
	CMPL 100(BX), $0       // a mask for the time of the call?
	JEQ  call
	LEAQ 80(BX), SI
	MOVL $2, DI            // SIG_SETMASK
	XORL DX, DX
	MOVL $8, R10
	MOVL $14, AX           // rt_sigprocmask
	SYSCALL
call:
	MOVQ 8(BX), AX
	MOVQ 16(BX), DI
	MOVQ 24(BX), SI
	MOVQ 32(BX), DX
	MOVQ 40(BX), R10
	MOVQ 48(BX), R8
	MOVQ 56(BX), R9
	SYSCALL
	MOVQ AX, 64(BX)
	CMPL 100(BX), $0
	JEQ  done
	LEAQ 88(BX), SI
	MOVL $2, DI
	XORL DX, DX
	MOVL $8, R10
	MOVL $14, AX
	SYSCALL
done:
	MOVL $2, AX
	XCHGL AX, (BX)
	MOVL 72(BX), AX        // home sleeps
	TESTL AX, AX
	JZ   idle
	MOVQ BX, DI
	MOVL $1, SI            // FUTEX_WAKE, everybody
	MOVL $(1<<30), DX
	MOVL $202, AX
	SYSCALL
	JMP  idle

// A script: makes one call after the other. RBX is the address of its head, R12 that of the
// first call; the offsets are those of type Scripted.
//
//	next:  make the call and store the result, until there is none (a negative number)
//	over:  set the head to 1, wake home's thread, and wait for a stop
TEXT ·scriptCode(SB), NOSPLIT|NOFRAME, $0
next:
	MOVQ (R12), AX
	TESTQ AX, AX
	JS   over
	MOVQ 8(R12), DI
	MOVQ 16(R12), SI
	MOVQ 24(R12), DX
	MOVQ 32(R12), R10
	MOVQ 40(R12), R8
	MOVQ 48(R12), R9
	SYSCALL
	MOVQ AX, 56(R12)
	ADDQ $64, R12
	JMP  next
over:
	MOVL $1, AX
	XCHGL AX, (BX)
	MOVQ BX, DI
	MOVL $1, SI            // FUTEX_WAKE, everybody
	MOVL $(1<<30), DX
	MOVL $202, AX
	SYSCALL
rest:
	MOVQ BX, DI
	XORL SI, SI            // FUTEX_WAIT, while it is 1
	MOVL $1, DX
	XORL R10, R10
	MOVL $202, AX
	SYSCALL
	JMP  rest

TEXT ·loopEnd(SB), NOSPLIT|NOFRAME, $0
	UD2

// func loopBounds() (start, script, end unsafe.Pointer)
TEXT ·loopBounds(SB), NOSPLIT, $0-24
	LEAQ ·loopCode(SB), AX
	MOVQ AX, start+0(FP)
	LEAQ ·scriptCode(SB), AX
	MOVQ AX, script+8(FP)
	LEAQ ·loopEnd(SB), AX
	MOVQ AX, end+16(FP)
	RET
