// unmasked CALL: waits in a call that lets SIGUSR1 in, which is blocked otherwise, for 20
// seconds at most, and says how that ended.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t taken;
static void count(int sig) { taken += sig == SIGUSR1; }

int main(int argc, char **argv) {
	struct sigaction a = {.sa_handler = count, .sa_flags = SA_RESTART};
	struct timespec limit = {.tv_sec = 20}, from, to;
	struct epoll_event event;
	sigset_t usr1, none;
	int ret = -2;
	if (argc < 2)
		return 2;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &none);
	sigaction(SIGUSR1, &a, NULL);
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (!strcmp(argv[1], "ppoll"))
		ret = ppoll(NULL, 0, &limit, &none);
	if (!strcmp(argv[1], "pselect"))
		ret = pselect(0, NULL, NULL, NULL, &limit, &none);
	if (!strcmp(argv[1], "epoll"))
		ret = epoll_pwait(epoll_create1(0), &event, 1, 20000, &none);
	int error = errno;
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%d %s, taken %d, %s\n", ret, error == EINTR ? "EINTR" : "", taken, to.tv_sec - from.tv_sec > 10 ? "late" : "in time");
	return 0;
}
