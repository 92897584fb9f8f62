// Real-time signals queue: each with its value, lower numbers first, in order.
#include "guest.h"

static volatile int values[64], numbers[64], count;
static void on_signal(int sig, siginfo_t *info, void *context) {
	(void)context;
	numbers[count] = sig;
	values[count++] = info->si_value.sival_int;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	sigfillset(&a.sa_mask);
	sigset_t block, old;
	sigemptyset(&block);
	for (int i = 0; i < 3; i++) {
		CHECK(sigaction(SIGRTMIN + i, &a, NULL) == 0);
		sigaddset(&block, SIGRTMIN + i);
	}
	uint32_t x = 1;
	do {
		CHECK(sigprocmask(SIG_BLOCK, &block, &old) == 0);
		for (int i = 0; i < 30; i++)
			CHECK(sigqueue(getpid(), SIGRTMIN + 2 - i % 3, (union sigval){.sival_int = i}) == 0);
		x = spin(x);
		count = 0;
		CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
		CHECK(count == 30);
		for (int i = 0; i < 30; i++)
			CHECK(numbers[i] == SIGRTMIN + i / 10 && values[i] == 2 - i / 10 + 3 * (i % 10));
	} while (going());
	return done("rtqueue");
}
