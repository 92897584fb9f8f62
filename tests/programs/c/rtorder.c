// Real-time and ordinary signals that wait for a task and for its process are taken as a
// model of the kernel's queues says, while children end and calls wait.
#include "guest.h"
#include <poll.h>
#include <sys/wait.h>

enum { KINDS = 5, MOST = 40 };
static int which[KINDS];
static struct { int sig, value; } queues[2][MOST];
static int lengths[2];

static uint32_t rnd(uint32_t n) {
	static uint64_t state = 88172645463325252;
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return (uint32_t)(state >> 33) % n;
}

static void add(int shared, int sig, int value) {
	if (sig < SIGRTMIN)
		for (int i = 0; i < lengths[shared]; i++)
			if (queues[shared][i].sig == sig)
				return;
	queues[shared][lengths[shared]].sig = sig;
	queues[shared][lengths[shared]++].value = value;
}

// expect takes what the kernel takes: of the task first, then the lowest number, then the oldest.
static int expect(const sigset_t *set, int *value) {
	for (int shared = 0; shared < 2; shared++) {
		int best = -1;
		for (int i = 0; i < lengths[shared]; i++)
			if (sigismember(set, queues[shared][i].sig) && (best < 0 || queues[shared][i].sig < queues[shared][best].sig))
				best = i;
		if (best < 0)
			continue;
		int sig = queues[shared][best].sig;
		*value = queues[shared][best].value;
		memmove(&queues[shared][best], &queues[shared][best + 1], (size_t)(--lengths[shared] - best) * sizeof queues[0][0]);
		return sig;
	}
	return -1;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	const struct timespec none = {0, 0};
	sigset_t all, set;
	sigemptyset(&all);
	int list[KINDS] = {SIGUSR1, SIGUSR2, SIGRTMIN, SIGRTMIN + 1, SIGRTMIN + 3};
	for (int i = 0; i < KINDS; i++)
		sigaddset(&all, which[i] = list[i]);
	CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
	uint32_t x = 1;
	for (int n = 1; going() || n < 1000; n++) {
		int sig = which[rnd(KINDS)];
		if (n % 16 == 0)
			x = spin(x);
		if (n % 64 == 5) {
			pid_t c = fork();
			if (c == 0) {
				spin(x);
				_exit(0);
			}
			CHECK(poll(NULL, 0, 1) == 0 && waitpid(c, NULL, 0) == c);
		}
		switch (lengths[0] + lengths[1] < MOST / 2 ? rnd(4) : 3) {
		case 0: CHECK(raise(sig) == 0); add(0, sig, 0); break;
		case 1: CHECK(sigqueue(getpid(), sig, (union sigval){.sival_int = n}) == 0); add(1, sig, n); break;
		case 2: CHECK(kill(getpid(), sig) == 0); add(1, sig, 0); break;
		default:
			sigemptyset(&set);
			for (int i = 0; i < KINDS; i++)
				if (rnd(2))
					sigaddset(&set, which[i]);
			siginfo_t info;
			int value = 0, want = expect(&set, &value), got = sigtimedwait(&set, &info, &none);
			if (got != want || (got > 0 && value != (info.si_code == SI_QUEUE ? info.si_value.sival_int : 0))) {
				printf("round %d: %d (%d) instead of %d (%d)\n", n, got, got > 0 ? info.si_value.sival_int : 0, want, value);
				return 99;
			}
		}
	}
	return done("rtorder");
}
