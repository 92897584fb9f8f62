// Who tells of events on descriptors: epoll by levels, by edges, once and nested;
// signals of descriptors, watches of files.
#include "calls.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

static char buf[4096];

#define NOTE(call) outcome(#call, call)

// ready notes what an epoll has, in the order of its numbers.
static void ready(int e, int limit) {
	struct epoll_event got[8];
	int n = epoll_wait(e, got, 8, limit);
	note("%d ready:", n);
	for (int which = 0; which < 10; which++)
		for (int i = 0; i < n; i++)
			if (got[i].data.u32 == (unsigned)which)
				note(" %d %x", which, got[i].events);
	note("\n");
}

static void add(int e, int fd, unsigned events, unsigned which) {
	struct epoll_event v = {events, {.u32 = which}};
	CHECK(epoll_ctl(e, EPOLL_CTL_ADD, fd, &v) == 0 || (errno == EEXIST && epoll_ctl(e, EPOLL_CTL_MOD, fd, &v) == 0));
}

static void triggers(void) {
	int e = epoll_create1(0), outer = epoll_create1(EPOLL_CLOEXEC), p[2], s[2], v = eventfd(0, EFD_NONBLOCK), t = timerfd_create(CLOCK_MONOTONIC, 0);
	CHECK(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	add(e, p[0], EPOLLIN | EPOLLET, 1);
	add(e, s[0], EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, 2);
	add(e, v, EPOLLIN | EPOLLOUT, 3);
	add(e, t, EPOLLIN, 4);
	add(outer, e, EPOLLIN, 9);
	ready(e, 0);
	CHECK(write(p[1], "one", 3) == 3);
	ready(e, 1000);
	ready(e, 0); // the edge is over, though the bytes are there
	CHECK(write(p[1], "two", 3) == 3);
	ready(outer, 1000);
	ready(e, 1000);
	CHECK(write(s[1], "x", 1) == 1);
	ready(e, 1000);
	CHECK(write(s[1], "y", 1) == 1);
	ready(e, 0); // told once
	add(e, s[0], EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, 2);
	CHECK(shutdown(s[1], SHUT_WR) == 0);
	ready(e, 1000);
	CHECK(eventfd_write(v, 0xfffffffffffffffe) == 0); // it holds no more
	ready(e, 1000);
	CHECK(timerfd_settime(t, 0, &(struct itimerspec){{0, 0}, {0, 2000000}}, NULL) == 0);
	struct epoll_event drop;
	CHECK(epoll_ctl(e, EPOLL_CTL_DEL, v, &drop) == 0);
	ready(e, 5000);
	CHECK(close(p[1]) == 0);
	ready(e, 1000);
	int copy = dup(p[0]);
	CHECK(close(p[0]) == 0); // the copy keeps the watch
	ready(e, 1000);
	CHECK(close(copy) == 0 && read(t, buf, 8) == 8);
	ready(e, 0);
	CHECK(close(e) == 0 && close(outer) == 0 && close(s[0]) == 0 && close(s[1]) == 0 && close(v) == 0 && close(t) == 0);
}

// signalled has descriptors send a queued signal that names them.
static void signalled(void) {
	int p[2], one = 1, sig = SIGRTMIN + 3;
	sigset_t set;
	siginfo_t i;
	struct f_owner_ex owner = {F_OWNER_PID, getpid()}, got = {9, 9};
	struct timespec limit = {20, 0}, none = {0, 0};
	sigemptyset(&set), sigaddset(&set, sig), sigaddset(&set, SIGIO);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && pipe(p) == 0);
	NOTE(fcntl(p[0], F_SETOWN, getpid()));
	SHOW(fcntl(p[0], F_GETOWN) == getpid());
	NOTE(fcntl(p[0], F_SETOWN, 1 << 22));
	NOTE(fcntl(p[0], F_SETOWN_EX, &owner));
	NOTE(fcntl(p[0], F_GETOWN_EX, &got));
	SHOW(got.type == F_OWNER_PID && got.pid == getpid());
	NOTE(fcntl(p[0], F_SETSIG, sig));
	NOTE(fcntl(p[0], F_GETSIG) == sig);
	NOTE(fcntl(p[0], F_SETSIG, 99));
	NOTE(fcntl(p[0], F_SETFL, O_ASYNC));
	CHECK(write(p[1], "x", 1) == 1);
	NOTE(sigtimedwait(&set, &i, &limit) == sig);
	SHOW(i.si_code), SHOW(i.si_fd == p[0]), SHOW(i.si_band);
	one = 0;
	NOTE(ioctl(p[0], FIOASYNC, &one));
	CHECK(write(p[1], "y", 1) == 1);
	NOTE(sigtimedwait(&set, &i, &none));
	CHECK(close(p[0]) == 0 && close(p[1]) == 0);
	int dir = open(".", O_RDONLY);
	NOTE(fcntl(dir, F_NOTIFY, DN_CREATE));
	CHECK(close(creat("events.x", 0600)) == 0);
	NOTE(sigtimedwait(&set, NULL, &limit) == SIGIO);
	CHECK(close(dir) == 0 && unlink("events.x") == 0);
}

// watched notes the events of files, two at a time.
static void watched(void) {
	int n = inotify_init1(IN_NONBLOCK), waiting = 0, e = epoll_create1(0);
	CHECK(mkdir("w", 0700) == 0);
	NOTE(inotify_add_watch(n, "w", IN_ALL_EVENTS | IN_ONLYDIR));
	NOTE(inotify_add_watch(n, "events.out", IN_MODIFY));
	add(e, n, EPOLLIN, 5);
	int fd = open("w/a", O_RDWR | O_CREAT, 0600), own = open("events.out", O_RDWR | O_CREAT, 0600);
	NOTE(inotify_add_watch(n, "events.out", IN_MODIFY));
	CHECK(write(fd, "x", 1) == 1 && write(own, "x", 1) == 1 && ftruncate(fd, 0) == 0 && close(fd) == 0 && close(own) == 0);
	CHECK(rename("w/a", "w/b") == 0 && chmod("w/b", 0644) == 0 && unlink("w/b") == 0 && rmdir("w") == 0);
	ready(e, 1000);
	NOTE(ioctl(n, FIONREAD, &waiting) ?: waiting);
	int last = 0;
	for (long got; (got = read(n, buf, 64)) > 0;)
		for (long at = 0; at < got;) {
			struct inotify_event *v = (struct inotify_event *)(buf + at);
			note("  %d %x %s%s\n", v->wd, v->mask, v->len ? v->name : "", v->cookie && (int)v->cookie == last ? " as before" : "");
			last = v->cookie;
			at += sizeof *v + v->len;
		}
	CHECK(close(n) == 0 && close(e) == 0 && unlink("events.out") == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	do {
		triggers();
		signalled();
		watched();
	} while (again());
	return done("events");
}
