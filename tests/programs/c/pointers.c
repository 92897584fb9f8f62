// Bad pointers and partial transfers: each shape of memory that a call takes, in each
// place where memory can be cut off; and what has arrived, and what is left.
#include "calls.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

enum { PAGE = 4096, FILL = '.' };
static const uintptr_t top = 0x7ffffffff000; // the end of user space
static char *end, *fixed, *none, buf[PAGE];
static int file, p[2], s[2], d[2], ep, sem, msg, dir;

// A place gives n bytes, of which some cannot be had. Memory that a call reads and
// cannot write brings a process home, so it comes last.
enum place { WHOLE, LAST, CUT, NONE, NIL, EIGHT, KERNELS, TOP, FIXED, HALF, PLACES };
static const char *const names[PLACES] = {"whole", "last", "cut", "none", "null", "8", "kernel", "top", "read-only", "half read-only"};

static char *at(enum place place, long n) {
	switch (place) {
	case WHOLE: return end - PAGE - n / 2; // across two pages
	case LAST: return end - n;
	case CUT: return end - n / 2;
	case FIXED: return fixed;
	case HALF: return fixed - n / 2;
	case NONE: return none;
	case NIL: return NULL;
	case EIGHT: return BAD;
	case KERNELS: return KERNEL;
	default: return (char *)(top - n / 2);
	}
}

// room is how many bytes can be read there.
static long room(enum place place, long n) {
	return place <= LAST || place == FIXED || place == HALF ? n : place == CUT || place == TOP ? n / 2 : 0;
}

static void fill(enum place place, long n, const char *with) {
	char *to = at(place, n);
	long size = place == HALF ? n / 2 : place == FIXED ? 0 : room(place, n);
	for (long i = 0; i < size; i++)
		to[i] = with ? with[i] : FILL;
}

// arrived notes what a call has changed there.
static void arrived(enum place place, long n) {
	const char *to = at(place, n);
	long size = room(place, n), last = 0;
	unsigned sum = 0;
	for (long i = 0; i < size; i++)
		if (to[i] != FILL)
			last = i + 1, sum = sum * 31 + (unsigned char)to[i];
	if (last > 0)
		note("; %ld bytes, sum %u", last, sum);
}

// left notes and takes what is in a pipe or socket.
static void left(int fd) {
	char got[200];
	for (long n; (n = JUST(read, fd, got, sizeof got)) > 0;)
		note("; left %.*s", (int)n, got);
}

// gave notes the result of a call.
static void gave(const char *call, enum place place, long ret) {
	note("\n%s ", names[place]);
	outcome(call, ret);
	notes[--noted] = 0; // more of the line follows
}

// reading takes ten bytes from fd, which has them.
static void reading(const char *how, enum place place, int fd) {
	struct iovec v[3] = {{buf, 3}, {at(place, 4), 4}, {buf + 10, 3}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
	struct mmsghdr many[2] = {{m, 9}, {{0}, 9}};
	memset(buf, FILL, 16);
	fill(place, 10, NULL);
	char what = how[0];
	gave(how, place, what == 'r' ? JUST(read, fd, at(place, 10), 10) : what == 'v' ? JUST(readv, fd, v, 3) :
		what == 'f' ? JUST(recvfrom, fd, at(place, 10), 10, MSG_DONTWAIT, NULL, NULL) :
		what == 'p' ? JUST(recvfrom, fd, at(place, 10), 10, MSG_PEEK, NULL, NULL) :
		what == 'm' ? JUST(recvmsg, fd, &m, 0) : JUST(recvmmsg, fd, many, 2, MSG_DONTWAIT, NULL));
	arrived(place, 10);
	note("; %.*s", 16, buf);
	if (what == 'x')
		note("; first message %d", many[0].msg_len);
	left(fd);
}

static void incoming(enum place place) {
	static const char *const ways[] = {"read", "vector", "from", "peek", "message", "x-messages"};
	for (int i = 0; i < 6; i++) {
		if (i < 2) {
			CHECK(write(p[1], "0123456789", 10) == 10);
			reading(ways[i], place, p[0]);
		}
		CHECK(write(s[1], "abcdefghij", 10) == 10);
		reading(ways[i], place, s[0]);
		CHECK(write(d[1], "ABCDEFGHIJ", 10) == 10 && (i == 4 || write(d[1], "KLM", 3) == 3));
		reading(ways[i], place, d[0]);
	}
	fill(place, 10, NULL);
	gave("pread", place, JUST(pread64, file, at(place, 10), 10, 5));
	arrived(place, 10);
	fill(place, 32, NULL);
	struct iovec v[2] = {{at(place, 32), 16}, {at(place, 32) + 16, 16}};
	gave("preadv", place, JUST(preadv, file, v, 2, 1, 0));
	arrived(place, 32);
}

static void outgoing(enum place place) {
	struct iovec v[3] = {{"<<<", 3}, {at(place, 4), 4}, {">>>", 3}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
	fill(place, 10, "0123456789");
	gave("write", place, JUST(write, p[1], at(place, 10), 10)), left(p[0]);
	gave("send", place, JUST(sendto, s[1], at(place, 10), 10, 0, NULL, 0)), left(s[0]);
	gave("datagram", place, JUST(sendto, d[1], at(place, 10), 10, 0, NULL, 0)), left(d[0]);
	gave("sendto", place, JUST(sendto, d[1], "x", 1, 0, at(place, 10), 10)), left(d[0]);
	fill(place, 4, "abcd");
	gave("writev", place, JUST(writev, p[1], v, 3)), left(p[0]);
	gave("sendmsg", place, JUST(sendmsg, s[1], &m, 0)), left(s[0]);
	gave("pwrite", place, JUST(pwrite64, file, at(place, 4), 4, 90));
	gave("pwritev", place, JUST(pwritev, file, v, 3, 95, 0));
	CHECK(JUST(pread64, file, buf, 20, 90) >= 0);
	note("; %.20s", buf);
	CHECK(ftruncate(file, 26) == 0);
	fill(place, 56, NULL);
	gave("iovec", place, JUST(writev, p[1], at(place, 16), 1)), left(p[0]);
	gave("msghdr", place, JUST(sendmsg, s[1], at(place, 56), 0)), left(s[0]);
	gave("open", place, JUST(open, at(place, 6), O_RDONLY));
	gave("setxattr", place, JUST(setxattr, "pointers.out", "user.a", at(place, 6), 6, 0));
	JUST(removexattr, "pointers.out", "user.a");
	gave("setsockopt", place, JUST(setsockopt, s[0], SOL_SOCKET, SO_KEEPALIVE, at(place, 4), 4));
}

// control passes a descriptor with the control message in the place.
static void control(enum place place) {
	char one = 'c', space[CMSG_SPACE(sizeof(int))];
	struct iovec v = {&one, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	memset(space, 0, sizeof space);
	*c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(c), &file, sizeof file);
	CHECK(sendmsg(s[1], &m, 0) == 1);
	fill(place, sizeof space, NULL);
	m.msg_control = at(place, sizeof space);
	gave("take control", place, JUST(recvmsg, s[0], &m, 0));
	note(", %ld, %x", (long)m.msg_controllen, m.msg_flags);
	arrived(place, sizeof space);
	left(s[0]);
	CHECK(close_range(dir + 1, 30, 0) == 0); // what has arrived
	m.msg_controllen = sizeof space;
	if (place == CUT || place == TOP)
		fill(place, sizeof space, space);
	gave("give control", place, place == FIXED || place == HALF || place <= LAST ? 0 : JUST(sendmsg, s[1], &m, 0));
	left(s[0]);
}

#define TAKES(n, call) (fill(place, n, NULL), gave(#call, place, call))
#define GIVES(n, call) (fill(place, n, NULL), gave(#call, place, call), arrived(place, n))
#define A(n) at(place, n)

static void structs(enum place place) {
	struct pollfd f = {p[1], POLLOUT, 0};
	struct { long type; char text[8]; } m = {1, "message"};
	socklen_t n = 8;
	int64_t from = 2;
	unsigned short values[4] = {1, 2, 3, 4};
	TAKES(144, JUST(stat, ".", A(144)));
	TAKES(144, JUST(fstat, file, A(144)));
	TAKES(256, JUST(statx, AT_FDCWD, ".", 0, STATX_MODE, A(256)));
	TAKES(120, JUST(statfs, ".", A(120)));
	TAKES(200, JUST(getcwd, A(200), 200) > 0 ? 1 : -1);
	GIVES(4, JUST(readlink, "pointers.link", A(4), 4));
	GIVES(5, JUST(getxattr, "pointers.out", "user.x", A(5), 5));
	GIVES(14, JUST(listxattr, "pointers.out", A(14), 14));
	CHECK(JUST(lseek, dir, 0, SEEK_SET) == 0);
	TAKES(48, JUST(getdents64, dir, A(48), 48) > 0 ? 1 : -1);
	GIVES(4, JUST(ioctl, p[0], FIONREAD, A(4)));
	TAKES(32, JUST(fcntl, file, F_GETLK, A(32)));
	GIVES(4, JUST(getsockopt, s[0], SOL_SOCKET, SO_TYPE, A(4), &n));
	GIVES(4, JUST(getsockopt, s[0], SOL_SOCKET, SO_TYPE, &from, A(4)));
	n = 2;
	GIVES(2, JUST(getsockname, s[0], A(2), &n));
	TAKES(8, JUST(poll, A(8), 1, 0));
	f.revents = 0;
	TAKES(16, JUST(ppoll, &f, 1, A(16), NULL, 8));
	TAKES(8, JUST(ppoll, &f, 1, NULL, A(8), 8));
	TAKES(8, JUST(select, 3, NULL, NULL, A(8), &(struct timeval){0}));
	TAKES(12, JUST(epoll_ctl, ep, EPOLL_CTL_MOD, p[1], A(12)));
	CHECK(JUST(epoll_ctl, ep, EPOLL_CTL_MOD, p[1], (&(struct epoll_event){EPOLLOUT, {.u64 = 7}})) == 0);
	GIVES(12, JUST(epoll_wait, ep, A(12), 1, 0));
	CHECK(JUST(msgsnd, msg, &m, 8, 0) == 0);
	GIVES(16, JUST(msgrcv, msg, A(16), 8, 0, IPC_NOWAIT));
	JUST(msgrcv, msg, &m, 8, 0, IPC_NOWAIT);
	TAKES(16, JUST(msgsnd, msg, A(16), 8, IPC_NOWAIT));
	JUST(msgrcv, msg, &m, 8, 0, IPC_NOWAIT);
	CHECK(JUST(semctl, sem, 0, SETALL, values) == 0);
	GIVES(8, JUST(semctl, sem, 0, GETALL, A(8)));
	TAKES(8, JUST(semctl, sem, 0, SETALL, A(8)));
	TAKES(6, JUST(semop, sem, A(6), 1));
	GIVES(8, JUST(sendfile, p[1], file, A(8), 2));
	GIVES(8, JUST(splice, file, A(8), p[1], NULL, 2, 0));
	left(p[0]);
	TAKES(8, JUST(pipe, A(8)));
	TAKES(8, JUST(socketpair, AF_UNIX, SOCK_STREAM, 0, A(8)));
	CHECK(close_range(dir + 1, 30, 0) == 0);
	TAKES(16, JUST(clock_nanosleep, CLOCK_MONOTONIC, 0, A(16), NULL) == -1 ? -1 : 0);
	TAKES(16, JUST(prlimit64, 0, 4, NULL, A(16)));
	TAKES(4, JUST(wait4, -1, A(4), WNOHANG, NULL));
	TAKES(12, JUST(getresuid, A(12), A(12) ? A(12) + 4 : 0, A(12) ? A(12) + 8 : 0));
	TAKES(390, JUST(uname, A(390)));
	TAKES(112, JUST(sysinfo, A(112)));
	TAKES(16, JUST(prctl, 16 /* PR_GET_NAME */, A(16)));
}

// lengths are those that no memory has.
#define LENGTH(call) outcome(#call, call)
static void lengths(void) {
	static const long list[] = {0, 1, 0x7ffff000, 0x7fffffff, 0x80000000, 0xffffffff, 1L << 47, -1};
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
		long n = list[i];
		char *to = end - PAGE - 3, *last = (char *)top - 100;
		struct iovec v[2] = {{to, 2}, {to + 2, n}};
		note("\nlength %lx\n", n);
		LENGTH(JUST(write, p[1], "0123456789", 10));
		LENGTH(JUST(read, p[0], last, n));
		LENGTH(JUST(readv, p[0], v, 2));
		LENGTH(JUST(read, p[0], to, n));
		left(p[0]);
		note("\n");
		LENGTH(JUST(pwrite64, file, end - 20, n, 0));
		LENGTH(JUST(pread64, file, last, n, 0));
		LENGTH(JUST(getcwd, last, n) > 0 ? 1 : -1);
		LENGTH(JUST(readlink, "pointers.link", last, n));
		LENGTH(JUST(getxattr, "pointers.out", "user.x", last, n));
		LENGTH(JUST(semctl, sem, 0, GETALL, last));
		LENGTH(JUST(sendto, d[1], to, n, MSG_DONTWAIT, NULL, 0) > 0 ? 1 : -1);
		LENGTH(JUST(recvfrom, d[0], last, n, MSG_DONTWAIT, NULL, NULL) > 0 ? 1 : -1);
		LENGTH(JUST(recvfrom, d[0], to, n, MSG_DONTWAIT, NULL, NULL) > 0 ? 1 : -1);
		LENGTH(JUST(poll, to, n, 0));
		LENGTH(JUST(setxattr, "pointers.out", "user.b", to, n, 0));
		JUST(removexattr, "pointers.out", "user.b");
		while (JUST(read, d[0], buf, 16) >= 0)
			;
		CHECK(ftruncate(file, 26) == 0 && pwrite(file, "abcdefghijklmnopqrstuvwxyz", 26, 0) == 26);
	}
}

static void open_all(void) {
	end = edge(3);
	char *more = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(more, FILL, 3 * PAGE);
	fixed = more + PAGE, none = fixed + PAGE;
	CHECK(mprotect(fixed, PAGE, PROT_READ) == 0 && mprotect(none, PAGE, PROT_NONE) == 0);
	CHECK(mmap((void *)(top - PAGE), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED);
	CHECK((file = open("pointers.out", O_RDWR | O_CREAT | O_EXCL, 0644)) == 3);
	CHECK(pipe2(p, O_NONBLOCK) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, d) == 0);
	CHECK((ep = epoll_create1(0)) > 0 && epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &(struct epoll_event){EPOLLOUT, {.u64 = 7}}) == 0);
	CHECK((sem = semget(IPC_PRIVATE, 4, 0600)) >= 0 && (msg = msgget(IPC_PRIVATE, 0600)) >= 0);
	CHECK(symlink("nowhere", "pointers.link") == 0 && JUST(setxattr, "pointers.out", "user.x", "value", 5, 0) == 0);
	CHECK((dir = open(".", O_RDONLY | O_DIRECTORY)) > ep);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	open_all();
	do {
		CHECK(pwrite(file, "abcdefghijklmnopqrstuvwxyz", 26, 0) == 26 && lseek(file, 0, SEEK_SET) == 0);
		for (enum place place = 0; place < PLACES; place++) {
			incoming(place);
			outgoing(place);
			control(place);
			structs(place);
			if (place == TOP)
				lengths();
		}
	} while (again());
	CHECK(semctl(sem, 0, IPC_RMID) == 0 && msgctl(msg, IPC_RMID, NULL) == 0);
	return done("pointers");
}
