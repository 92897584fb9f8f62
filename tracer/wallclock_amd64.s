#include "textflag.h"

// Functions of the vdso for a process whose home has another wall clock than this
// node. They are copied to the window and run there, never here: each asks the
// node's kernel, and adds what is in the word whose address takes the place of
// OFFSET. The token in R8, which clock_gettime does not take, tells the filter of
// the guest that this is done. They leave the stack alone, and begin by keeping
// their arguments: who is stopped in one can begin it again.
#define OFFSET $0x6b636f6c636c6c77
#define TOKEN  $0x6d6f7369

#define KEEP \
	MOVQ DI, R9 \
	MOVQ SI, R10

// GETTIME is clock_gettime(DI, SI), with AX 0 and the time as the node knows it,
// or a negative errno in AX.
#define GETTIME \
	MOVL TOKEN, R8 \
	MOVL $228, AX \
	SYSCALL

// AHEAD adds the offset to the timespec at SI, and leaves the seconds in AX.
#define AHEAD \
	MOVQ  (SI), AX \
	IMULQ $1000000000, AX \
	ADDQ  8(SI), AX \
	MOVQ  OFFSET, R8 \
	ADDQ  (R8), AX \
	XORL  DX, DX \
	MOVL  $1000000000, R8 \
	DIVQ  R8 \
	MOVQ  AX, (SI) \
	MOVQ  DX, 8(SI)

// int clock_gettime(clockid_t, struct timespec *)
TEXT ·wallGettime(SB), NOSPLIT|NOFRAME, $0
	KEEP
	GETTIME
	TESTL AX, AX
	JNE   over
	CMPL  DI, $0 // CLOCK_REALTIME
	JEQ   ahead
	CMPL  DI, $5 // CLOCK_REALTIME_COARSE
	JEQ   ahead
	CMPL  DI, $11 // CLOCK_TAI
	JNE   over
ahead:
	AHEAD
	XORL  AX, AX
over:
	RET

// int gettimeofday(struct timeval *, struct timezone *)
TEXT ·wallTimeofday(SB), NOSPLIT|NOFRAME, $0
	KEEP
	TESTQ DI, DI
	JEQ   call
	TESTQ SI, SI
	JNE   call
	MOVQ  DI, SI
	XORL  DI, DI
	GETTIME
	TESTL AX, AX
	JNE   over
	AHEAD
	MOVQ  DX, AX
	XORL  DX, DX
	MOVL  $1000, R8
	DIVQ  R8
	MOVQ  AX, 8(SI)
	XORL  AX, AX
over:
	RET
call:
	MOVL  $96, AX // the executor answers
	SYSCALL
	RET

// time_t time(time_t *); the timespec is in the red zone.
TEXT ·wallTime(SB), NOSPLIT|NOFRAME, $0
	KEEP
	LEAQ  -32(SP), SI
	XORL  DI, DI
	GETTIME
	AHEAD
	TESTQ R9, R9
	JEQ   over
	MOVQ  AX, (R9)
over:
	RET

TEXT ·wallEnd(SB), NOSPLIT|NOFRAME, $0
	UD2

// func wallBounds() (gettime, timeofday, time, end unsafe.Pointer)
TEXT ·wallBounds(SB), NOSPLIT, $0-32
	LEAQ ·wallGettime(SB), AX
	MOVQ AX, gettime+0(FP)
	LEAQ ·wallTimeofday(SB), AX
	MOVQ AX, timeofday+8(FP)
	LEAQ ·wallTime(SB), AX
	MOVQ AX, time+16(FP)
	LEAQ ·wallEnd(SB), AX
	MOVQ AX, end+24(FP)
	RET
