// Signals that wait when a call begins which lets them in: it ends at once, unless what
// it waits for is there already, and then the signals go on waiting.
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>

static volatile sig_atomic_t taken;
static void count(int sig) { taken += sig == SIGUSR1; }

static int events, fd;

// wait_in makes a call of each kind, with a limit of ms (-1: none).
static int wait_in(int kind, int ms, const sigset_t *mask) {
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct timespec limit = {ms / 1000, ms % 1000 * 1000000}, *t = ms < 0 ? NULL : &limit;
	struct epoll_event event;
	fd_set set;
	FD_ZERO(&set);
	FD_SET(fd, &set);
	switch (kind) {
	case 0: return pselect(fd + 1, &set, NULL, NULL, t, mask);
	case 1: return ppoll(&p, 1, t, mask);
	case 2: return epoll_pwait(events, &event, 1, ms, mask);
	case 3: return syscall(SYS_epoll_pwait2, events, &event, 1, t, mask, 8);
	}
	return sigsuspend(mask);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	sigset_t usr1, none, pending;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &usr1, &none) == 0);
	handle(SIGUSR1, count, 0);
	int pipes[2], want = 0;
	CHECK(pipe(pipes) == 0);
	fd = pipes[0];
	events = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	CHECK(epoll_ctl(events, EPOLL_CTL_ADD, fd, &event) == 0);
	do {
		for (int kind = 0; kind < 5; kind++)
			for (int ms = -1; ms <= 20000; ms += 20001) {
				CHECK((want % 2 ? raise(SIGUSR1) : kill(getpid(), SIGUSR1)) == 0);
				FAILS(wait_in(kind, ms, &none), EINTR);
				CHECK(taken == ++want);
			}
		for (int kind = 0; kind < 4; kind++) { // what is ready comes first
			CHECK(write(pipes[1], "x", 1) == 1);
			CHECK(raise(SIGUSR1) == 0);
			CHECK(wait_in(kind, kind % 2 ? -1 : 20000, &none) == 1);
			CHECK(taken == want);
			CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
			char c;
			CHECK(read(fd, &c, 1) == 1);
			if (kind < 2) // without any time the signal ends these two, epoll not
				FAILS(wait_in(kind, 0, &none), EINTR);
			else {
				CHECK(wait_in(kind, 0, &none) == 0);
				CHECK(taken == want);
				FAILS(wait_in(kind, -1, &none), EINTR);
			}
			CHECK(taken == ++want);
		}
	} while (going());
	return done("woken");
}
