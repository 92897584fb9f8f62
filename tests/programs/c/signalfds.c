// Signals read from descriptors: sent before and after those are made, by others and to
// oneself, mixed with sigtimedwait, and none lost.
#include "guest.h"
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

static const struct timespec none = {0, 0};

static sigset_t set_of(int a, int b) {
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, a);
	sigaddset(&s, b);
	return s;
}

// next reads one signal, with its value.
static int next(int fd, int *value) {
	struct signalfd_siginfo s;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	CHECK(poll(&p, 1, 0) == 1 && read(fd, &s, sizeof s) == sizeof s);
	*value = s.ssi_int;
	return (int)s.ssi_signo;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	const int a = SIGRTMIN + 1, b = SIGRTMIN + 2;
	sigset_t both = set_of(a, b), one = set_of(a, SIGUSR1), other = set_of(b, b);
	CHECK(sigprocmask(SIG_BLOCK, &both, NULL) == 0 && sigprocmask(SIG_BLOCK, &one, NULL) == 0);
	uint32_t x = 1, n = 0;
	do {
		int value;
		siginfo_t info;
		CHECK(sigqueue(getpid(), a, (union sigval){.sival_int = (int)n}) == 0);
		CHECK(sigqueue(getpid(), a, (union sigval){.sival_int = (int)n + 1}) == 0);
		CHECK(raise(b) == 0 && raise(SIGUSR1) == 0);
		x = spin(x);
		int fd = signalfd(-1, &one, SFD_CLOEXEC | SFD_NONBLOCK);
		CHECK(fd >= 0);
		CHECK(sigqueue(getpid(), a, (union sigval){.sival_int = (int)n + 2}) == 0);
		pid_t c = fork();
		if (c == 0)
			_exit(sigqueue(getppid(), b, (union sigval){.sival_int = 5}) ? 1 : 0);
		int status;
		CHECK(waitpid(c, &status, 0) == c && status == 0);
		x = spin(x);
		CHECK(next(fd, &value) == SIGUSR1);
		for (int i = 0; i < 3; i++) {
			CHECK(next(fd, &value) == a && value == (int)n + i);
			x = spin(x);
		}
		CHECK(sigtimedwait(&other, &info, &none) == b && info.si_code == SI_USER); // the one of the task (raise)
		CHECK(sigqueue(getpid(), b, (union sigval){.sival_int = 6}) == 0);
		CHECK(signalfd(fd, &other, 0) == fd);
		x = spin(x);
		CHECK(next(fd, &value) == b && value == 5 && next(fd, &value) == b && value == 6);
		FAILS(read(fd, &info, sizeof info), EAGAIN);
		CHECK(close(fd) == 0 && sigtimedwait(&both, &info, &none) == -1 && errno == EAGAIN);
		n++;
	} while (going());
	return done("signalfds");
}
