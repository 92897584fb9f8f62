// Every call that waits for descriptors: what it gives, and how it fails.
#include "calls.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static char buf[256], *end;
static uint64_t mask = 1 << (SIGUSR1 - 1);

static void polling(int p[2]) {
	struct pollfd f[3] = {{p[0], POLLIN, 9}, {p[1], POLLOUT, 9}, {77, POLLIN, 9}};
	struct timespec t = {0, 2000000}, wrong = {0, -1};
	CALL(poll, f, 2, 0);
	SHOW(f[0].revents), SHOW(f[1].revents);
	CALL(poll, f, 3, -1);
	SHOW(f[2].revents);
	CALL(poll, f, 1, 2);
	CALL(poll, NULL, 0, 1);
	CALL(poll, BAD, 1, 0);
	CALL(poll, end - 12, 2, 0);
	CALL(poll, f, 1 << 30, 0);
	CALL(ppoll, f, 1, &t, &mask, 8);
	SHOW(t.tv_nsec);
	CALL(ppoll, f, 1, &wrong, &mask, 8);
	CALL(ppoll, f, 1, BAD, &mask, 8);
	CALL(ppoll, f, 1, &t, BAD, 8);
	CALL(ppoll, f, 1, &t, &mask, 7);
}

static void selecting(int p[2]) {
	fd_set r, w;
	struct timeval v = {0, 1500};
	struct timespec t = {0, 1500000};
	struct { const void *mask; size_t size; } m = {&mask, 8}, odd = {&mask, 9};
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	CALL(select, 10, &r, &w, NULL, &v);
	SHOW(FD_ISSET(p[0], &r) != 0), SHOW(FD_ISSET(p[1], &w) != 0);
	FD_SET(p[0], &r);
	v.tv_usec = 1500;
	CALL(select, 10, &r, NULL, NULL, &v);
	SHOW(v.tv_usec);
	CALL(select, -1, &r, NULL, NULL, &v);
	CALL(select, 10, BAD, NULL, NULL, &v);
	CALL(select, 10, end - 4, NULL, NULL, &v);
	CALL(select, 10, NULL, NULL, NULL, BAD);
	FD_SET(70, &r);
	CALL(select, 80, &r, NULL, NULL, &v);
	FD_CLR(70, &r);
	FD_SET(p[0], &r);
	CALL(pselect6, 10, &r, NULL, NULL, &t, &m);
	SHOW(t.tv_nsec);
	CALL(pselect6, 10, &r, NULL, NULL, &t, &odd);
	CALL(pselect6, 10, &r, NULL, NULL, &t, BAD);
	CALL(pselect6, 10, &r, &w, NULL, NULL, NULL);
}

static void epolling(int p[2]) {
	struct epoll_event e = {EPOLLIN, {.u64 = 0x1122334455667788}}, got[4];
	struct timespec t = {0, 1000000};
	int a = CALL(epoll_create, 1), b = CALL(epoll_create1, EPOLL_CLOEXEC);
	CALL(epoll_create, 0);
	CALL(epoll_create1, 99);
	CALL(epoll_ctl, a, EPOLL_CTL_ADD, p[0], &e);
	CALL(epoll_ctl, a, EPOLL_CTL_ADD, p[0], &e);
	CALL(epoll_ctl, a, EPOLL_CTL_ADD, a, &e);
	CALL(epoll_ctl, a, EPOLL_CTL_ADD, p[1], BAD);
	CALL(epoll_ctl, a, 99, p[0], &e);
	CALL(epoll_ctl, p[0], EPOLL_CTL_ADD, p[1], &e);
	CALL(epoll_ctl, b, EPOLL_CTL_ADD, a, &e);
	CALL(epoll_wait, a, got, 4, 0);
	CALL(epoll_wait, a, got, 4, 2);
	CALL(write, p[1], "x", 1);
	CALL(epoll_wait, a, got, 4, -1);
	SHOW(got[0].events), SHOW(got[0].data.u64 == e.data.u64);
	CALL(epoll_wait, a, BAD, 4, 0);
	CALL(epoll_wait, a, end - 4, 4, 0);
	CALL(epoll_wait, a, end - 12, 4, 0);
	CALL(epoll_wait, a, got, 0, 0);
	CALL(epoll_wait, a, got, -1, 0);
	CALL(epoll_wait, p[0], got, 4, 0);
	CALL(epoll_wait, 99, got, 4, 0);
	CALL(epoll_pwait, b, got, 4, -1, &mask, 8);
	CALL(epoll_pwait, b, got, 4, -1, &mask, 9);
	CALL(epoll_pwait, b, got, 4, -1, BAD, 8);
	CALL(epoll_pwait2, b, got, 4, NULL, NULL, 8);
	CALL(epoll_pwait2, b, got, 4, BAD, NULL, 8);
	CALL(read, p[0], buf, 1);
	CALL(epoll_pwait2, b, got, 4, &t, &mask, 8);
	CALL(epoll_ctl, a, EPOLL_CTL_DEL, p[0], NULL);
	CALL(epoll_ctl, a, EPOLL_CTL_MOD, p[0], &e);
	CALL(close_range, a, b, 0);
}

static void making(void) {
	uint64_t n = 3;
	struct itimerspec t = {{0, 0}, {0, 1}}, was, odd = {{0, 0}, {0, 1000000000}};
	int e = CALL(eventfd, 5), f = CALL(eventfd2, 0, EFD_NONBLOCK | EFD_SEMAPHORE);
	CALL(eventfd2, 0, 99);
	CALL(read, e, &n, 8);
	SHOW(n);
	CALL(read, f, &n, 8);
	n = 2;
	CALL(write, f, &n, 8);
	CALL(write, f, &n, 7);
	n = -1;
	CALL(write, f, &n, 8);
	CALL(write, f, BAD, 8);
	CALL(read, f, BAD, 8);
	CALL(read, f, &n, 8);
	SHOW(n);
	CALL(read, f, end - 4, 8);
	int s = CALL(signalfd, -1, &mask, 8), u = CALL(signalfd4, -1, &mask, 8, SFD_NONBLOCK);
	CALL(signalfd, -1, &mask, 7);
	CALL(signalfd, s, BAD, 8);
	CALL(signalfd, e, &mask, 8);
	CALL(signalfd4, -1, &mask, 8, 99);
	CALL(read, u, buf, 128);
	CALL(rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8);
	CALL(kill, getpid(), SIGUSR1);
	CALL(read, s, buf, 100);
	CALL(read, s, buf, 128);
	SHOW(*(int *)buf);
	int d = CALL(timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK);
	CALL(timerfd_create, 99, 0);
	CALL(timerfd_create, CLOCK_MONOTONIC, 99);
	CALL(read, d, &n, 8);
	CALL(timerfd_settime, d, 0, &t, &was);
	CALL(timerfd_settime, d, 0, &odd, NULL);
	CALL(timerfd_settime, d, 0, BAD, NULL);
	CALL(timerfd_settime, s, 0, &t, NULL);
	CALL(timerfd_settime, 99, 0, &t, NULL);
	struct pollfd ready = {d, POLLIN, 0};
	CALL(poll, &ready, 1, -1);
	CALL(read, d, &n, 8);
	SHOW(n);
	CALL(timerfd_gettime, d, &was);
	SHOW(was.it_value.tv_nsec);
	CALL(timerfd_gettime, d, BAD);
	CALL(timerfd_gettime, s, &was);
	CALL(close_range, e, d, 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	end = edge(1);
	do {
		int p[2];
		CALL(pipe2, p, 0);
		polling(p);
		selecting(p);
		epolling(p);
		making();
		CALL(close_range, p[0], p[1], 0);
	} while (again());
	return done("pollcalls");
}
