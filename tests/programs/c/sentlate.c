// Signals that come from a child while the program waits in a call that lets them in: they
// are blocked at all other times. It may have moved meanwhile.
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>

static volatile sig_atomic_t taken;
static void count(int sig) { taken += sig == SIGUSR1; }

int main(int argc, char **argv) {
	begin(argc, argv);
	sigset_t usr1, none;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &usr1, &none) == 0);
	handle(SIGUSR1, count, SA_RESTART);
	int pipes[2], status, events = epoll_create1(0), want = 0;
	CHECK(pipe(pipes) == 0);
	do {
		pid_t c = fork();
		if (c == 0) {
			usleep(50000);
			_exit(kill(getppid(), SIGUSR1) == 0 ? 7 : 8);
		}
		struct pollfd p = {.fd = pipes[0], .events = POLLIN};
		struct timespec late = {.tv_sec = 20};
		struct epoll_event event;
		fd_set set;
		FD_ZERO(&set);
		FD_SET(pipes[0], &set);
		switch (want % 5) {
		case 0: FAILS(pselect(pipes[0] + 1, &set, NULL, NULL, NULL, &none), EINTR); break;
		case 1: FAILS(ppoll(&p, 1, &late, &none), EINTR); break;
		case 2: FAILS(epoll_pwait(events, &event, 1, -1, &none), EINTR); break;
		case 3: FAILS(sigsuspend(&none), EINTR); break;
		case 4: FAILS(ppoll(&p, 1, NULL, &none), EINTR); break;
		}
		CHECK(taken == ++want);
		CHECK(waitpid(c, &status, 0) == c && WEXITSTATUS(status) == 7);
	} while (going() || want < 5);
	return done("sentlate");
}
