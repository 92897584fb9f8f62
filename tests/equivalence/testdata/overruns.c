// overruns: a timer whose signal is blocked, to a thread and to the process. It says how many
// signals wait after many expirations, and whether one is left when the timer has been stopped.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

int main(void) {
	struct timespec none = {0, 0}, nap = {0, 900000000};
	struct itimerspec every = {{0, 200000000}, {0, 200000000}}, stop = {{0, 0}, {0, 0}};
	sigset_t set;
	siginfo_t info;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 2; i++) {
		struct sigevent e = {.sigev_notify = i ? SIGEV_SIGNAL : SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
		timer_t timer;
		if (!i)
			e.sigev_notify_thread_id = gettid();
		timer_create(CLOCK_MONOTONIC, &e, &timer);
		timer_settime(timer, 0, &every, NULL);
		nanosleep(&nap, NULL);
		int sig = sigtimedwait(&set, &info, &none);
		printf("%s, %s, ", sig == SIGRTMIN ? "taken" : "none", info.si_overrun >= 3 ? "many" : "few");
		printf("%s, ", timer_getoverrun(timer) == info.si_overrun ? "same" : "other");
		printf("%s, ", sigtimedwait(&set, &info, &none) < 0 ? "no more" : "more");
		nanosleep(&nap, NULL);
		timer_settime(timer, 0, &stop, NULL);
		printf("%s when stopped, ", sigtimedwait(&set, &info, &none) < 0 ? "none" : "one");
		timer_settime(timer, 0, &every, NULL);
		nanosleep(&nap, NULL);
		timer_delete(timer);
		printf("%s when deleted\n", sigtimedwait(&set, &info, &none) < 0 ? "none" : "one");
	}
	return 0;
}
