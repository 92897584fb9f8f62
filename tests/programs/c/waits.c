// Every call that waits for descriptors with a timeout: on time, without EINTR, and
// at once when there is something to read.
// build: dynamic musl
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

enum { MS = 25 };
static int ends[2], ep;

static int by_poll(int ms) { struct pollfd p = {ends[0], POLLIN, 0}; return poll(&p, 1, ms); }
static int by_ppoll(int ms) {
	struct pollfd p = {ends[0], POLLIN, 0};
	struct timespec t = {0, ms * 1000000};
	return ppoll(&p, 1, &t, NULL);
}
static int by_select(int ms) {
	fd_set s;
	FD_ZERO(&s);
	FD_SET(ends[0], &s);
	struct timeval t = {0, ms * 1000};
	return select(ends[0] + 1, &s, NULL, NULL, &t);
}
static int by_pselect(int ms) {
	fd_set s;
	FD_ZERO(&s);
	FD_SET(ends[0], &s);
	struct timespec t = {0, ms * 1000000};
	sigset_t none;
	sigemptyset(&none);
	return pselect(ends[0] + 1, &s, NULL, NULL, &t, &none);
}
static int by_epoll(int ms) {
	struct epoll_event e;
	int n = epoll_wait(ep, &e, 1, ms);
	CHECK(n != 1 || e.data.u64 == 0x1234567890abcdef);
	return n;
}
static int by_nothing(int ms) { return poll(NULL, 0, ms); }

int main(int argc, char **argv) {
	begin(argc, argv);
	CHECK(pipe(ends) == 0 && (ep = epoll_create1(0)) >= 0);
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 0x1234567890abcdef};
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &e) == 0);
	int (*ways[])(int) = {by_poll, by_ppoll, by_select, by_pselect, by_epoll, by_nothing};
	do {
		char c;
		for (int i = 0; i < 6; i++) {
			int64_t start = clock_ms();
			CHECK(ways[i](MS) == 0 && on_time(start, MS));
		}
		CHECK(write(ends[1], "x", 1) == 1);
		for (int i = 0; i < 5; i++)
			CHECK(ways[i](900) == 1);
		CHECK(read(ends[0], &c, 1) == 1 && c == 'x');
	} while (going());
	return done("waits");
}
