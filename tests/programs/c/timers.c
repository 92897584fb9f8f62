// POSIX timers, timerfd, eventfd and signalfd.
// flags: -lrt
#include "guest.h"
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static volatile int fired, value;
static void on_timer(int sig, siginfo_t *info, void *context) {
	(void)sig, (void)context;
	CHECK(info->si_code == SI_TIMER);
	fired++, value = info->si_value.sival_int;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	struct sigaction a = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO};
	CHECK(sigaction(SIGUSR1, &a, NULL) == 0);
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 99};
	timer_t id;
	CHECK(timer_create(CLOCK_MONOTONIC, &e, &id) == 0);
	int tfd = timerfd_create(CLOCK_MONOTONIC, 0), efd = eventfd(3, EFD_NONBLOCK);
	sigset_t usr2, usr1, open;
	sigemptyset(&usr1), sigemptyset(&usr2);
	sigaddset(&usr1, SIGUSR1), sigaddset(&usr2, SIGUSR2);
	CHECK(sigprocmask(SIG_BLOCK, &usr2, &open) == 0 && sigprocmask(SIG_BLOCK, &usr1, NULL) == 0);
	sigaddset(&open, SIGUSR2);
	int sfd = signalfd(-1, &usr2, 0);
	CHECK(tfd >= 0 && efd >= 0 && sfd >= 0);
	uint64_t n;
	CHECK(read(efd, &n, 8) == 8 && n == 3);
	do {
		struct itimerspec once = {{0, 0}, {0, 15000000}};
		fired = 0;
		CHECK(timer_settime(id, 0, &once, NULL) == 0);
		while (!fired)
			sigsuspend(&open);
		CHECK(fired == 1 && value == 99);
		int64_t start = clock_ms();
		CHECK(timerfd_settime(tfd, 0, &once, NULL) == 0 && read(tfd, &n, 8) == 8 && n == 1 && on_time(start, 15));
		FAILS(read(efd, &n, 8), EAGAIN);
		n = 5;
		CHECK(write(efd, &n, 8) == 8 && read(efd, &n, 8) == 8 && n == 5);
		struct signalfd_siginfo info;
		CHECK(kill(getpid(), SIGUSR2) == 0 && read(sfd, &info, sizeof info) == sizeof info);
		CHECK(info.ssi_signo == SIGUSR2 && (pid_t)info.ssi_pid == getpid());
	} while (going());
	CHECK(timer_delete(id) == 0);
	return done("timers");
}
