// Blocked signals stay pending, once each, and come when they are unblocked.
// build: dynamic musl
#include "guest.h"

static volatile int seen[65], order[8], count;
static void on_signal(int sig) { seen[sig]++; order[count++ & 7] = sig; }

int main(int argc, char **argv) {
	begin(argc, argv);
	handle(SIGUSR1, on_signal, 0);
	handle(SIGUSR2, on_signal, 0);
	handle(SIGTERM, SIG_IGN, 0);
	sigset_t both, pending, old;
	sigemptyset(&both);
	sigaddset(&both, SIGUSR1);
	sigaddset(&both, SIGUSR2);
	uint32_t x = 1;
	do {
		memset((void *)seen, 0, sizeof seen);
		count = 0;
		CHECK(sigprocmask(SIG_BLOCK, &both, &old) == 0);
		kill(getpid(), SIGUSR2);
		kill(getpid(), SIGUSR1);
		kill(getpid(), SIGUSR1);
		kill(getpid(), SIGTERM);
		x = spin(x);
		CHECK(seen[SIGUSR1] == 0 && sigpending(&pending) == 0);
		CHECK(sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGUSR2) && !sigismember(&pending, SIGTERM));
		CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
		CHECK(seen[SIGUSR1] == 1 && seen[SIGUSR2] == 1);
		CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1));
	} while (going());
	return done("sigmask");
}
