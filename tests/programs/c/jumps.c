// setjmp, longjmp and siglongjmp out of a handler, which restores the signal mask.
// build: dynamic musl
#include "guest.h"
#include <setjmp.h>

static jmp_buf here;
static sigjmp_buf there;

static void climb(int n) {
	if (n == 0)
		longjmp(here, 5);
	climb(n - 1);
}

static void on_signal(int sig) {
	(void)sig;
	siglongjmp(there, 9);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	handle(SIGUSR2, on_signal, 0);
	volatile int local = 17;
	do {
		int r = setjmp(here);
		if (r == 0)
			climb(50);
		CHECK(r == 5 && local == 17);
		r = sigsetjmp(there, 1);
		if (r == 0) {
			raise(SIGUSR2);
			CHECK(0);
		}
		CHECK(r == 9);
		sigset_t mask;
		CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && !sigismember(&mask, SIGUSR2));
	} while (going());
	return done("jumps");
}
