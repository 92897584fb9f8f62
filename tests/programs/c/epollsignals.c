// epoll_pwait without a limit, with and without a signal mask: it ends by a signal that is
// handled, or when there is something to read, and by nothing else.
#include <sys/epoll.h>
#include <sys/wait.h>

#include "guest.h"

static volatile int handled;

static void note(int sig) {
	(void)sig;
	handled++;
}

// wait_for: a child sends a signal after that many milliseconds, and a byte later.
static void wait_for(int ms, int masked) {
	struct epoll_event e = {.events = EPOLLIN};
	pid_t parent = getpid();
	sigset_t mask;
	int p[2], epoll = epoll_create1(0), ready, status;
	char c;
	CHECK(pipe(p) == 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &e) == 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	handled = 0;
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		usleep(ms * 1000);
		CHECK(kill(parent, SIGUSR1) == 0);
		usleep(ms * 1000);
		_exit(write(p[1], "c", 1) != 1);
	}
	ready = epoll_pwait(epoll, &e, 1, -1, masked ? &mask : NULL);
	if (masked) {
		CHECK(ready == 1 && handled <= 1);
	} else if (ready != 1) { // else the signal came before the call
		CHECK(ready == -1 && errno == EINTR);
		CHECK(handled == 1);
	}
	while (read(p[0], &c, 1) != 1)
		CHECK(errno == EINTR);
	while (waitpid(child, &status, 0) != child)
		CHECK(errno == EINTR);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && handled == 1);
	CHECK(close(epoll) == 0 && close(p[0]) == 0 && close(p[1]) == 0);
}

int main(int argc, char **argv) {
	struct sigaction a = {.sa_handler = note};
	begin(argc, argv);
	sigemptyset(&a.sa_mask);
	CHECK(sigaction(SIGUSR1, &a, NULL) == 0);
	do {
		wait_for(guest_ms / 4, 0);
		wait_for(guest_ms / 4, 1);
	} while (going());
	return done("epollsignals");
}
