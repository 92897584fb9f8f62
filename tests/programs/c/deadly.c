// The faults of arithmetic and instructions reach their handlers; the default of a
// last SIGTERM to itself is its end.
// exit: SIGTERM
#include "guest.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int code;
static void on_fault(int sig, siginfo_t *info, void *context) {
	(void)context;
	code = info->si_code;
	siglongjmp(back, sig);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	CHECK(sigaction(SIGFPE, &a, NULL) == 0 && sigaction(SIGILL, &a, NULL) == 0 && sigaction(SIGTRAP, &a, NULL) == 0);
	volatile int zero = 0, one = 1;
	do {
		int sig = sigsetjmp(back, 1);
		if (sig == 0)
			one = one / zero;
		CHECK(sig == SIGFPE && code == FPE_INTDIV);
		sig = sigsetjmp(back, 1);
		if (sig == 0)
			__asm__ volatile("ud2");
		CHECK(sig == SIGILL && code == ILL_ILLOPN);
		sig = sigsetjmp(back, 1);
		if (sig == 0)
			__asm__ volatile("int3");
		CHECK(sig == SIGTRAP);
	} while (going());
	printf("all caught\n");
	fflush(stdout);
	kill(getpid(), SIGTERM);
	return 0;
}
