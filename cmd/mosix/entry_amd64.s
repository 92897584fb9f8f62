#include "textflag.h"

// The action of the signal looked at last (struct kernel_sigaction).
GLOBL action<>(SB), NOPTR, $32

// func entry: the first instructions of the program. The Go runtime replaces the
// dispositions of all signals before any Go code runs and does not keep them, but
// mosrun has to hand them on to the program that it execs. So they are read here,
// then the runtime's own start goes on as if nothing had been.
//
// The symbol stands in for the one of the runtime: it is marked as a duplicate
// that may be, and the linker keeps the one that it loads first, which is that of
// package main. Where it is not kept (a test binary), ·entered stays 0.
//
// The kernel gives no register but SP any meaning at this point (ELF x86-64 ABI,
// 3.4.1), and the code leaves SP as it found it.
TEXT _rt0_amd64_linux(SB),NOSPLIT|DUPOK|NOFRAME,$0
	MOVQ	$1, ·entered(SB)
	MOVQ	SP, ·stack(SB)
	MOVQ	$1, BX // signal number
next:
	MOVQ	BX, DI
	MOVQ	$0, SI // no new action
	LEAQ	action<>(SB), DX
	MOVQ	$8, R10 // size of the mask in it
	MOVQ	$13, AX // rt_sigaction
	SYSCALL
	CMPQ	AX, $0
	JNE	skip
	CMPQ	action<>(SB), $1 // SIG_IGN
	JNE	skip
	MOVQ	$1, AX
	MOVQ	BX, CX
	SUBQ	$1, CX
	SHLQ	CX, AX
	ORQ	AX, ·ignored(SB)
skip:
	ADDQ	$1, BX
	CMPQ	BX, $64
	JLE	next
	MOVQ	$0, DI // SIG_BLOCK of nothing
	MOVQ	$0, SI
	LEAQ	·blocked(SB), DX
	MOVQ	$8, R10
	MOVQ	$14, AX // rt_sigprocmask
	SYSCALL
	JMP	_rt0_amd64(SB)
