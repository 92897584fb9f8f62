// sigsuspend, sigtimedwait (a signal, a timeout, a queue) and sigwaitinfo.
// build: dynamic static
#include "guest.h"
#include <sys/time.h>

static volatile int alarms;
static void on_alarm(int sig) { (void)sig; alarms++; }

int main(int argc, char **argv) {
	begin(argc, argv);
	sigset_t block, wait, none;
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	sigaddset(&block, SIGUSR1);
	sigemptyset(&wait);
	sigaddset(&wait, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &block, NULL) == 0);
	handle(SIGALRM, on_alarm, 0);
	struct itimerval once = {{0, 0}, {0, 20000}};
	do {
		alarms = 0;
		CHECK(setitimer(ITIMER_REAL, &once, NULL) == 0);
		FAILS(sigsuspend(&none), EINTR);
		CHECK(alarms == 1);
		int64_t start = clock_ms();
		struct timespec limit = {0, 40 * 1000000};
		FAILS(sigtimedwait(&wait, NULL, &limit), EAGAIN);
		CHECK(on_time(start, 40));
		siginfo_t info;
		CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77}) == 0);
		CHECK(sigtimedwait(&wait, &info, &limit) == SIGUSR1 && info.si_value.sival_int == 77 && info.si_pid == getpid());
		kill(getpid(), SIGUSR1);
		CHECK(sigwaitinfo(&wait, &info) == SIGUSR1 && info.si_code == SI_USER);
	} while (going());
	return done("sigwait");
}
