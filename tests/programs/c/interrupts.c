// Waits with a limit are ended by a signal that comes while they last, and not by the limit.
// flags: -pthread
#include "guest.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

enum { KINDS = 6 };
static volatile int taken;
static void on_alarm(int sig) { taken += sig == SIGALRM; }

// waits for 3 s at most, in one of several ways.
static int waits(int kind) {
	static sem_t sem;
	static int epoll = -1;
	struct timespec until, limit = {3, 0};
	struct epoll_event event;
	sigset_t none;
	sigemptyset(&none);
	if (epoll < 0)
		CHECK(sem_init(&sem, 0, 0) == 0 && (epoll = epoll_create1(0)) >= 0);
	CHECK(clock_gettime(kind == 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME, &until) == 0);
	until.tv_sec += 3;
	switch (kind) {
	case 0: return sem_clockwait(&sem, CLOCK_MONOTONIC, &until);
	case 1: return sem_timedwait(&sem, &until);
	case 2: return ppoll(NULL, 0, &limit, &none);
	case 3: return epoll_wait(epoll, &event, 1, 3000);
	case 4: return pselect(0, NULL, NULL, NULL, &limit, NULL);
	default: return nanosleep(&limit, NULL);
	}
}

int main(int argc, char **argv) {
	begin(argc, argv);
	handle(SIGALRM, on_alarm, SA_RESTART);
	// Again and again: a busy machine may let the first signal come before the wait begins.
	const struct itimerval tick = {.it_interval = {0, 150000}, .it_value = {0, 150000}};
	int n = 0;
	do {
		int64_t start = clock_ms();
		taken = 0;
		CHECK(setitimer(ITIMER_REAL, &tick, NULL) == 0);
		FAILS(waits(n++ % KINDS), EINTR);
		CHECK(taken > 0 && clock_ms() - start < 2500);
	} while (going() || n < KINDS);
	return done("interrupts");
}
