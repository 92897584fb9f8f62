// Signals to itself carry their sender, code and value, and come before kill returns.
// build: dynamic musl
#include "guest.h"

static volatile int got, value, code, pid;
static void on_signal(int sig, siginfo_t *info, void *context) {
	(void)context;
	got = sig, code = info->si_code, pid = info->si_pid, value = info->si_value.sival_int;
	CHECK(info->si_uid == getuid());
}

int main(int argc, char **argv) {
	begin(argc, argv);
	struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	CHECK(sigaction(SIGUSR1, &a, NULL) == 0 && sigaction(SIGRTMIN + 3, &a, NULL) == 0);
	int n = 0;
	do {
		got = 0;
		CHECK(kill(getpid(), SIGUSR1) == 0);
		CHECK(got == SIGUSR1 && code == SI_USER && pid == getpid());
		got = 0;
		CHECK(raise(SIGUSR1) == 0 && got == SIGUSR1 && code == SI_TKILL && pid == getpid());
		got = 0;
		CHECK(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = ++n}) == 0);
		CHECK(got == SIGRTMIN + 3 && code == SI_QUEUE && value == n);
	} while (going());
	FAILS(kill(getpid(), 99), EINVAL);
	return done("sigself");
}
