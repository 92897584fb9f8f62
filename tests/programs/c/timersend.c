// A timer whose signal is blocked, set anew, stopped and deleted: nothing is left of what it has
// sent before. It signals the process, its thread or another one.
// flags: -lrt
#include <poll.h>
#include <pthread.h>
#include <sys/utsname.h>

#include "guest.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { PERIOD = 1, LATER = 30 }; // milliseconds

static int ends, asks[2], answers[2];

// ends_signals: the kernel drops what is pending of a timer (Linux 6.13 and later).
static int ends_signals(void) {
	struct utsname u;
	int major = 0, minor = 0;
	CHECK(uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2);
	return major > 6 || (major == 6 && minor >= 13);
}

static int take(void) {
	struct timespec none = {0, 0};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	return sigtimedwait(&set, NULL, &none);
}

// other answers with what it takes when it is asked, until it is asked no more.
static void *other(void *tid) {
	int taken;
	char c;
	*(pid_t *)tid = gettid();
	CHECK(write(answers[1], "", 1) == 1);
	while (read(asks[0], &c, 1) == 1) {
		taken = take();
		CHECK(write(answers[1], &taken, sizeof taken) == sizeof taken);
	}
	return NULL;
}

static int taken_by_other(void) {
	int taken;
	CHECK(write(asks[1], "", 1) == 1 && read(answers[0], &taken, sizeof taken) == sizeof taken);
	return taken;
}

static void over(const char *when) {
	int left = take() > 0 || taken_by_other() > 0;
	if (left && ends) {
		printf("a signal is left when the timer is %s\n", when);
		exit(99);
	}
}

int main(int argc, char **argv) {
	struct itimerspec often = {{0, PERIOD * 1000000}, {0, PERIOD * 1000000}}, stop = {{0, 0}, {0, 0}};
	struct itimerspec later = {{0, 0}, {0, LATER * 1000000}};
	struct timespec nap = {0, 3 * PERIOD * 1000000};
	pthread_t thread;
	pid_t tid = 0;
	sigset_t set;
	char c;
	begin(argc, argv);
	ends = ends_signals();
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && pipe(asks) == 0 && pipe(answers) == 0);
	CHECK(pthread_create(&thread, NULL, other, &tid) == 0 && read(answers[0], &c, 1) == 1);
	do {
		for (int to = 0; to < 3; to++) {
			struct sigevent e = {.sigev_notify = to ? SIGEV_THREAD_ID : SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
			int64_t start;
			timer_t timer;
			if (to)
				e.sigev_notify_thread_id = to == 1 ? gettid() : tid;
			CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0 && timer_settime(timer, 0, &often, NULL) == 0);
			CHECK(nanosleep(&nap, NULL) == 0 && timer_settime(timer, 0, &stop, NULL) == 0);
			over("stopped");
			CHECK(timer_settime(timer, 0, &often, NULL) == 0 && nanosleep(&nap, NULL) == 0);
			start = clock_ms();
			CHECK(timer_settime(timer, 0, &later, NULL) == 0);
			while (ends && take() < 0 && taken_by_other() < 0)
				CHECK(clock_ms() - start < 10000);
			CHECK(!ends || clock_ms() - start >= LATER - 1);
			CHECK(timer_settime(timer, 0, &often, NULL) == 0 && nanosleep(&nap, NULL) == 0);
			CHECK(timer_delete(timer) == 0);
			over("deleted");
		}
	} while (going());
	CHECK(close(asks[1]) == 0 && pthread_join(thread, NULL) == 0);
	return done("timersend");
}
