// Every call on clocks and timers: what it gives, and how it fails.
// users: differ
#include "calls.h"
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/times.h>

static char *end;

static void sleeping(void) {
	// What is left of a sleep that has ended is not looked at: a stop of the process
	// (SIGSTOP, or a move) makes the kernel write it.
	struct timespec t = {0, 1000000}, rest, odd = {0, 1000000000}, past = {1, 0};
	CALL(nanosleep, &t, &rest);
	CALL(nanosleep, &odd, &rest);
	CALL(nanosleep, BAD, &rest);
	CALL(nanosleep, end - 8, &rest);
	CALL(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL);
	CALL(clock_nanosleep, CLOCK_BOOTTIME, 0, &t, NULL);
	CALL(clock_nanosleep, CLOCK_REALTIME, 0, &odd, NULL);
	CALL(clock_nanosleep, 99, 0, &t, NULL);
	CALL(clock_nanosleep, CLOCK_REALTIME, 0, BAD, NULL);
}

static void intervals(void) {
	struct itimerval v = {{0, 0}, {1000, 5}}, was, odd = {{0, 0}, {0, 1000000}}, off = {{0, 0}, {0, 0}};
	CALL(setitimer, ITIMER_REAL, &v, &was);
	SHOW(was.it_value.tv_sec);
	CALL(getitimer, ITIMER_REAL, &was);
	SHOW(was.it_value.tv_sec > 900);
	CALL(getitimer, ITIMER_REAL, BAD);
	CALL(getitimer, 99, &was);
	CALL(setitimer, ITIMER_REAL, &odd, NULL);
	CALL(setitimer, ITIMER_REAL, BAD, NULL);
	CALL(setitimer, 99, &v, NULL);
	SHOW(JUST(alarm, 500) > 900);
	CALL(setitimer, ITIMER_REAL, &off, BAD);
	CALL(alarm, 0);
}

static void timers(void) {
	struct sigevent e = {.sigev_notify = SIGEV_NONE}, odd = {.sigev_notify = 99};
	struct itimerspec t = {{0, 0}, {1000, 0}}, was, wrong = {{0, 0}, {0, -1}};
	int id = -1, none = -1;
	CALL(timer_create, CLOCK_MONOTONIC, &e, &id);
	CALL(timer_create, CLOCK_MONOTONIC, &odd, &none);
	CALL(timer_create, CLOCK_MONOTONIC, BAD, &none);
	CALL(timer_create, CLOCK_MONOTONIC, &e, BAD);
	CALL(timer_create, 99, &e, &none);
	SHOW(none);
	CALL(timer_settime, id, 0, &t, NULL);
	CALL(timer_settime, id, 0, &t, &was);
	SHOW(was.it_value.tv_sec > 900);
	CALL(timer_settime, id, 0, &wrong, NULL);
	CALL(timer_settime, id, 0, BAD, NULL);
	CALL(timer_settime, 999999, 0, &t, NULL);
	CALL(timer_gettime, id, &was);
	SHOW(was.it_value.tv_sec > 900);
	CALL(timer_gettime, id, end - 31);
	CALL(timer_gettime, 999999, &was);
	CALL(timer_getoverrun, id);
	CALL(timer_getoverrun, 999999);
	CALL(timer_delete, id);
	CALL(timer_delete, id);
}

static void clocks(void) {
	struct timespec t = {0, 0}, odd = {0, 1000000000};
	struct timeval v = {0, 1000000};
	struct timex x = {.modes = 0}, wrong = {.modes = ADJ_TICK, .tick = 1};
	struct tms m;
	int clock = ~getpid() * 8 | 2, descriptor = -8 | 3; // CPUCLOCK_SCHED of a process, CLOCKFD
	MAKE(times, &m);
	CALL(times, BAD);
	MAKE(adjtimex, &x);
	SHOW(x.tick > 0);
	CALL(adjtimex, BAD);
	CALL(adjtimex, &wrong);
	MAKE(clock_adjtime, CLOCK_REALTIME, &x);
	CALL(clock_adjtime, CLOCK_MONOTONIC, &x);
	CALL(clock_adjtime, CLOCK_REALTIME, BAD);
	CALL(settimeofday, &v, NULL);
	CALL(settimeofday, BAD, NULL);
	CALL(clock_settime, CLOCK_REALTIME, &odd);
	CALL(clock_settime, CLOCK_MONOTONIC, &t);
	CALL(clock_settime, CLOCK_REALTIME, BAD);
	CALL(clock_settime, 99, &t);
	CALL(clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &t);
	SHOW(t.tv_sec + t.tv_nsec > 0);
	CALL(clock_gettime, CLOCK_THREAD_CPUTIME_ID, BAD);
	CALL(clock_gettime, clock, &t);
	CALL(clock_gettime, descriptor, &t);
	CALL(clock_gettime, 99, &t);
	CALL(clock_getres, clock, &t);
	SHOW(t.tv_nsec);
	CALL(clock_getres, descriptor, &t);
	CALL(clock_getres, 99, &t);
	CALL(clock_getres, CLOCK_REALTIME, BAD);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	end = edge(1);
	do {
		sleeping();
		intervals();
		timers();
		clocks();
	} while (again());
	return done("timecalls");
}
