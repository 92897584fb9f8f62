// Timers whose signals are blocked, to a thread and to the process: what is taken tells of
// every expiration.
// flags: -lrt
#include "guest.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { PERIOD = 4 }; // milliseconds

static int64_t ticks(int sig) {
	struct timespec none = {0, 0};
	siginfo_t info;
	sigset_t set;
	int64_t sum = 0;
	sigemptyset(&set);
	sigaddset(&set, sig);
	while (sigtimedwait(&set, &info, &none) == sig) {
		CHECK(info.si_code == SI_TIMER && info.si_value.sival_int == sig && info.si_overrun >= 0);
		sum += 1 + info.si_overrun;
	}
	CHECK(errno == EAGAIN);
	return sum;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	struct itimerspec every = {{0, PERIOD * 1000000}, {0, PERIOD * 1000000}};
	struct timespec nap = {0, 40000000};
	timer_t timers[2];
	int64_t start, end, sums[2];
	sigset_t set;
	sigemptyset(&set);
	for (int i = 0; i < 2; i++)
		sigaddset(&set, SIGRTMIN + i);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	do {
		start = clock_ms();
		for (int i = 0; i < 2; i++) {
			struct sigevent e = {.sigev_notify = i ? SIGEV_SIGNAL : SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + i};
			e.sigev_value.sival_int = SIGRTMIN + i;
			if (!i)
				e.sigev_notify_thread_id = gettid();
			CHECK(timer_create(CLOCK_MONOTONIC, &e, &timers[i]) == 0);
			CHECK(timer_settime(timers[i], 0, &every, NULL) == 0);
		}
		CHECK(nanosleep(&nap, NULL) == 0);
		for (int i = 0; i < 2; i++)
			sums[i] = ticks(SIGRTMIN + i);
		end = clock_ms();
		for (int i = 0; i < 2; i++) {
			CHECK(timer_delete(timers[i]) == 0);
			ticks(SIGRTMIN + i);
			CHECK(sums[i] >= 40 / PERIOD - 1 && sums[i] <= (end - start) / PERIOD + 1);
		}
	} while (going());
	return done("overruns");
}
