// A parent stops its child and continues it, in every way and whatever the child waits
// for, and sees by wait what it has done.
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { COMPUTES, READS, SLEEPS, POLLS, EPOLL, SELECT, RECEIVES, SIGWAITS, SUSPENDS, WAYS };
static const char *const ways[WAYS] = {"computes", "reads", "sleeps", "polls", "epoll", "select", "receives", "sigwaits", "suspends"};
static volatile sig_atomic_t continued;
static int out[2], in[2];

static void on_continue(int sig) { continued = sig; }
static void on_user(int sig) { (void)sig; }

// goes_on tells whether a wait has ended as it should: by its limit, or by a handler.
static int goes_on(int ret) { return ret == 0 || (errno == EINTR && continued); }

// told tells whether the parent has written. A handler may end a poll that does not wait.
static int told(void) {
	struct pollfd p = {.fd = in[0], .events = POLLIN};
	int n;
	while ((n = poll(&p, 1, 0)) < 0)
		CHECK(errno == EINTR);
	return n;
}

// be_child tells that it is about to wait, waits, and tells how that has ended. The
// parent writes a byte when it has been continued as often as it wants to.
static void be_child(int way, int caught) {
	char c = 0;
	int ret = 0, sock[2], ep = epoll_create1(0);
	struct timeval limit = {.tv_sec = 20}, brief = {.tv_usec = 30000};
	struct timespec t = {.tv_nsec = 30000000}, seconds = {.tv_sec = 20};
	struct epoll_event event;
	struct pollfd p = {.fd = in[0], .events = POLLIN};
	sigset_t set, none;
	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	handle(SIGUSR1, on_user, 0);
	if (caught)
		handle(SIGCONT, on_continue, SA_RESTART);
	CHECK(setpgid(0, 0) == 0); // with its parent outside, so that SIGTSTP stops it
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == 0);
	CHECK(setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
	CHECK(write(out[1], "w", 1) == 1);
	errno = 0;
	switch (way) {
	case COMPUTES:
		while (!told())
			spin(1);
		break;
	case READS:
		ret = read(in[0], &c, 1);
		break;
	case SLEEPS:
		while (!told() && goes_on(ret = nanosleep(&t, NULL)))
			ret = 0;
		break;
	case POLLS:
		while ((ret = poll(&p, 1, -1)) < 0 && goes_on(ret))
			;
		break;
	case EPOLL:
		ret = epoll_wait(ep, &event, 1, 20000);
		break;
	case SELECT:
		while (!told() && goes_on(ret = select(0, NULL, NULL, NULL, &brief)))
			brief.tv_usec = 30000, ret = 0;
		break;
	case RECEIVES:
		ret = read(sock[0], &c, 1);
		break;
	case SIGWAITS:
		ret = sigtimedwait(&set, NULL, &seconds);
		break;
	case SUSPENDS:
		sigprocmask(SIG_BLOCK, &set, NULL);
		ret = sigsuspend(&none);
		break;
	}
	printf("%s: %d errno %d, SIGCONT %s\n", ways[way], ret, ret < 0 ? errno : 0, continued ? "handled" : "not handled");
	exit(way + 1);
}

// see waits for a child to have been stopped or continued; it tells whether it has.
// Otherwise it has ended as it should.
static int see(pid_t child, int way, int options, int want) {
	int status = 0;
	CHECK(waitpid(child, &status, options) == child);
	if (status != want && status != (way + 1) << 8)
		printf("status %x, %x wanted\n", status, want);
	CHECK(status == want || status == (way + 1) << 8);
	return status == want;
}

static int stop_once(pid_t child, int way, int sig) {
	CHECK(kill(child, sig) == 0);
	if (!see(child, way, WUNTRACED, sig << 8 | 0x7f))
		return 0;
	CHECK(kill(child, SIGCONT) == 0);
	return see(child, way, WCONTINUED, 0xffff);
}

// stop_in stops a child by sig while it waits.
static void stop_in(int way, int sig, int caught) {
	char c;
	CHECK(pipe(in) == 0 && pipe(out) == 0);
	fflush(stdout);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0)
		be_child(way, caught);
	CHECK(read(out[0], &c, 1) == 1);
	if (way == EPOLL || way == RECEIVES || way == SIGWAITS || (way == SUSPENDS && caught)) // these end, if it comes during them
		while (stop_once(child, way, sig))
			usleep(20000);
	else {
		for (int i = 0; i < 3; i++) {
			CHECK(stop_once(child, way, sig));
			usleep(20000);
		}
		if (way == SUSPENDS)
			CHECK(kill(child, SIGUSR1) == 0);
		CHECK(write(in[1], "x", 1) == 1);
		see(child, way, 0, (way + 1) << 8);
	}
	close(in[0]), close(in[1]), close(out[0]), close(out[1]);
}

int main(int argc, char **argv) {
	static const int stops[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
	begin(argc, argv);
	for (int way = 0; way < WAYS; way++)
		for (int caught = 0; caught < 2; caught++)
			stop_in(way, stops[(way + caught) % 4], caught);
	return done("stopped");
}
