// Waits go on when the process is stopped and continued in them, and are not shorter for
// it; the others end with EINTR (man 7 signal).
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { SHORT = 40, LONG = 150, WAYS = 9 };
static int ep, sock[2];

// disturb stops and continues the parent until that closes its end.
static void disturb(pid_t parent, int end) {
	struct pollfd p = {.fd = end};
	while (poll(&p, 1, 15) == 0) {
		CHECK(kill(parent, SIGSTOP) == 0);
		usleep(1000);
		CHECK(kill(parent, SIGCONT) == 0);
	}
	_exit(0);
}

// wait_for waits in one of the ways; those from 6 on may be interrupted.
static int wait_for(int way, int ms) {
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L}, at;
	struct timeval v = {ms / 1000, ms % 1000 * 1000};
	struct epoll_event event;
	sigset_t set;
	char c;
	switch (way) {
	case 0:
		return nanosleep(&t, NULL);
	case 1:
		return poll(NULL, 0, ms);
	case 2:
		return clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	case 3:
		clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_sec += (at.tv_nsec + t.tv_nsec) / 1000000000;
		at.tv_nsec = (at.tv_nsec + t.tv_nsec) % 1000000000;
		return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	case 4:
		return select(0, NULL, NULL, NULL, &v);
	case 5:
		return ppoll(NULL, 0, &t, NULL);
	case 6:
		return epoll_wait(ep, &event, 1, ms);
	case 7:
		CHECK(setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &v, sizeof v) == 0);
		return read(sock[0], &c, 1);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigtimedwait(&set, NULL, &t);
}

static void wait_once(int way, int ms) {
	int64_t start = clock_ms();
	int ret = wait_for(way, ms);
	int64_t passed = clock_ms() - start;
	if (way >= 6 && ret == -1 && errno == EINTR)
		return;
	if (passed < ms - 1)
		fprintf(stderr, "way %d: %lld ms passed, %d wanted\n", way, (long long)passed, ms);
	CHECK(passed >= ms - 1);
	if (way <= 6) {
		if (ret != 0)
			fprintf(stderr, "way %d: %d\n", way, ret);
		CHECK(ret == 0);
	} else
		CHECK(ret == -1 && errno == EAGAIN);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int end[2], status, rounds = 0;
	CHECK(pipe(end) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == 0);
	CHECK((ep = epoll_create1(0)) >= 0);
	pid_t parent = getpid(), child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(end[1]);
		disturb(parent, end[0]);
	}
	do
		wait_once(rounds % WAYS, rounds % 4 == 3 ? LONG : SHORT);
	while (++rounds < WAYS || going());
	close(end[1]);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	return done("stopcont");
}
