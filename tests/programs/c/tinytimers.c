// Timers that expire again at once, whose signals are blocked: the program goes on, and learns of
// no more expirations than there were.
// flags: -lrt
#include <sys/time.h>
#include <sys/wait.h>

#include "guest.h"

static int64_t clock_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// goes_on makes calls of several kinds.
static void goes_on(void) {
	struct timespec nap = {0, 2000000};
	int status, p[2];
	char c;
	CHECK(pipe(p) == 0);
	for (int i = 0; i < 20; i++)
		CHECK(getppid() > 0 && write(p[1], "x", 1) == 1 && read(p[0], &c, 1) == 1);
	CHECK(close(p[0]) == 0 && close(p[1]) == 0);
	CHECK(nanosleep(&nap, NULL) == 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(3);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

int main(int argc, char **argv) {
	struct itimerspec each_ns = {{0, 1}, {0, 1}};
	struct itimerval each_us = {{0, 1}, {0, 1}}, none = {{0, 0}, {0, 0}};
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	struct timespec now = {0, 0}, second = {1, 0};
	timer_t timer;
	sigset_t set;
	begin(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGALRM);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	do {
		siginfo_t info;
		int64_t start = clock_ns(), sum = 0;
		CHECK(timer_create(CLOCK_MONOTONIC, &e, &timer) == 0 && timer_settime(timer, 0, &each_ns, NULL) == 0);
		goes_on();
		for (int i = 0; i < 3; i++) {
			CHECK(sigtimedwait(&set, &info, &second) == SIGRTMIN);
			CHECK(info.si_code == SI_TIMER && info.si_overrun >= 0);
			sum += 1 + info.si_overrun;
		}
		CHECK(sum <= clock_ns() - start + 1);
		CHECK(timer_delete(timer) == 0);
		while (sigtimedwait(&set, &info, &now) > 0)
			;
		CHECK(setitimer(ITIMER_REAL, &each_us, NULL) == 0);
		goes_on();
		CHECK(sigtimedwait(&set, &info, &second) == SIGALRM);
		CHECK(setitimer(ITIMER_REAL, &none, NULL) == 0);
		while (sigtimedwait(&set, &info, &now) > 0)
			;
	} while (going());
	return done("tinytimers");
}
