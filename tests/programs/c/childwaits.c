// Waits for its children in calls with a signal mask of their own, as make and shells do:
// SIGCHLD is blocked at all other times and is handled in pselect, ppoll, epoll_pwait or
// sigsuspend alone.
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>

static volatile sig_atomic_t ends;
static void count(int sig) { ends += sig == SIGCHLD; }

int main(int argc, char **argv) {
	begin(argc, argv);
	sigset_t chld, none;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	CHECK(sigprocmask(SIG_BLOCK, &chld, &none) == 0);
	handle(SIGCHLD, count, SA_RESTART);
	int status, pipes[2], events = epoll_create1(0), n = 0;
	CHECK(pipe(pipes) == 0);
	struct epoll_event event = {.events = EPOLLIN};
	CHECK(epoll_ctl(events, EPOLL_CTL_ADD, pipes[0], &event) == 0);
	do {
		pid_t c = fork();
		if (c == 0) {
			spin(n);
			_exit(n & 127);
		}
		int before = ends;
		while (ends == before) {
			struct pollfd p = {.fd = pipes[0], .events = POLLIN};
			struct timespec late = {.tv_sec = 20};
			fd_set set;
			FD_ZERO(&set);
			FD_SET(pipes[0], &set);
			switch (n % 4) {
			case 0: FAILS(pselect(pipes[0] + 1, &set, NULL, NULL, NULL, &none), EINTR); break;
			case 1: FAILS(ppoll(&p, 1, &late, &none), EINTR); break;
			case 2: FAILS(epoll_pwait(events, &event, 1, -1, &none), EINTR); break;
			case 3: FAILS(sigsuspend(&none), EINTR); break;
			}
		}
		CHECK(ends == before + 1);
		CHECK(waitpid(c, &status, WNOHANG) == c && WEXITSTATUS(status) == (n & 127));
		sigset_t now;
		CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGCHLD));
		n++;
	} while (going() || n < 8);
	return done("childwaits");
}
