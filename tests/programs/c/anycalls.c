// A long random sequence of calls of many kinds on few descriptors, mappings, children and
// signals, the same in every run: prints every result.
#include "guest.h"
#include <dirent.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>

static uint64_t state;
static unsigned rnd(unsigned n) {
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(state >> 33) % n;
}

enum { FDS = 12, MAPS = 6, PAGE = 4096 };
static int fds[FDS];
static struct { unsigned char *at; size_t len; } maps[MAPS];
static volatile int taken[65];
static volatile unsigned order;
static unsigned char buffer[3 * PAGE];

static void on_signal(int sig, siginfo_t *info, void *context) {
	(void)context;
	taken[sig]++;
	order = order * 31 + sig * 7 + (info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);
}

static unsigned sum(const void *p, size_t n) {
	unsigned s = 1;
	for (size_t i = 0; i < n; i++)
		s = s * 31 + ((const unsigned char *)p)[i];
	return s;
}

// note prints a result: -1 with its error, or as it is.
static long note(const char *what, long ret) {
	if (ret < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s = %ld\n", what, ret);
	return ret;
}

static int fd(void) { return fds[rnd(FDS)]; }

// put keeps a descriptor in the place of another. The number is not printed.
static void put(const char *what, int new) {
	note(what, new < 0 ? -1 : 0);
	if (new < 0)
		return;
	int i = rnd(FDS);
	if (fds[i] >= 0)
		close(fds[i]);
	fds[i] = new;
}

static const char *name(void) {
	static const char *names[] = {"any/a", "any/b", "any/c", "any/d/e", "any/none/f"};
	return names[rnd(5)];
}

static void open_one(void) {
	static const int flags[] = {O_RDONLY, O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_EXCL, O_RDWR | O_TRUNC,
		O_RDONLY | O_DIRECTORY, O_PATH, O_RDWR | O_CREAT | O_NONBLOCK};
	put("open", open(name(), flags[rnd(8)] | O_CLOEXEC, 0640));
}

static void pair(void) {
	int two[2], ret = -1;
	switch (rnd(4)) {
	case 0: ret = pipe2(two, O_NONBLOCK); break;
	case 1: ret = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two); break;
	case 2: ret = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, two); break;
	case 3: ret = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, two); break;
	}
	note("pair", ret);
	put("first", two[0]);
	put("second", two[1]);
}

static void special(void) {
	switch (rnd(5)) {
	case 0: put("eventfd", eventfd(rnd(3), EFD_NONBLOCK | (rnd(2) ? EFD_SEMAPHORE : 0))); break;
	case 1: put("timerfd", timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)); break;
	case 2: put("epoll", epoll_create1(0)); break;
	case 3: put("memfd", memfd_create("any", 0)); break;
	case 4: put("dup", fcntl(fd(), F_DUPFD_CLOEXEC, 0)); break;
	}
}

// whether reading would wait: what is not ready is not read.
static int ready(int f, short events) {
	struct pollfd p = {.fd = f, .events = events};
	return poll(&p, 1, 0) == 1 && (p.revents & events);
}

static void transfer(void) {
	int f = fd();
	size_t n = rnd(3) ? rnd(200) : rnd(sizeof buffer);
	off_t at = rnd(3) ? rnd(300) : rnd(20000);
	struct iovec v[3] = {{buffer, n / 3}, {buffer + PAGE, n - n / 3}, {buffer + 17, rnd(9)}};
	long r;
	for (size_t i = 0; i < sizeof buffer; i += 64)
		buffer[i] = rnd(256);
	switch (rnd(12)) {
	case 0: case 1: note("write", ready(f, POLLOUT) ? write(f, buffer, n) : -2); break;
	case 2: note("writev", ready(f, POLLOUT) ? writev(f, v, rnd(4)) : -2); break;
	case 3: note("pwrite", pwrite(f, buffer, n, at)); break;
	case 4: note("pwritev", pwritev(f, v, 3, at)); break;
	case 5: case 6: r = ready(f, POLLIN) ? read(f, buffer, n) : -2; note("read", r); if (r > 0) printf("%u\n", sum(buffer, r)); break;
	case 7: r = ready(f, POLLIN) ? readv(f, v, rnd(4)) : -2; note("readv", r); if (r > 0) printf("%u\n", sum(buffer, sizeof buffer)); break;
	case 8: r = note("pread", pread(f, buffer, n, at)); if (r > 0) printf("%u\n", sum(buffer, r)); break;
	case 9: r = note("preadv", preadv(f, v, 2, at)); if (r > 0) printf("%u\n", sum(buffer, sizeof buffer)); break;
	case 10: r = note("peek", recv(f, buffer, n, MSG_PEEK | MSG_DONTWAIT)); if (r > 0) printf("%u\n", sum(buffer, r)); break;
	case 11: note("send", send(f, buffer, n, MSG_DONTWAIT | MSG_NOSIGNAL)); break;
	}
}

static void between(void) {
	int a = fd(), b = fd();
	off_t from = rnd(500), to = rnd(500);
	size_t n = rnd(5000);
	switch (rnd(4)) {
	case 0: note("sendfile", ready(b, POLLOUT) ? sendfile(b, a, rnd(2) ? &from : NULL, n) : -2); break;
	case 1: note("copy_file_range", copy_file_range(a, rnd(2) ? &from : NULL, b, rnd(2) ? &to : NULL, n, 0)); break;
	case 2: note("splice", splice(a, NULL, b, NULL, n, SPLICE_F_NONBLOCK)); break;
	case 3: note("tee", tee(a, b, n, SPLICE_F_NONBLOCK)); break;
	}
	printf("%ld %ld\n", (long)from, (long)to);
}

static void on_file(void) {
	int f = fd(), value = 0;
	struct stat st;
	struct flock lock = {.l_type = rnd(3), .l_whence = SEEK_SET, .l_start = rnd(50), .l_len = rnd(50)};
	switch (rnd(12)) {
	case 0: note("lseek", lseek(f, rnd(9000), rnd(3))); break;
	case 1: note("ftruncate", ftruncate(f, rnd(30000))); break;
	case 2: if (note("fstat", fstat(f, &st)) == 0) printf("%o %ld\n", st.st_mode, S_ISREG(st.st_mode) ? (long)st.st_size : 0); break;
	case 3: note("fsync", fsync(f)); break;
	case 4: note("fallocate", fallocate(f, rnd(2) ? FALLOC_FL_KEEP_SIZE : 0, rnd(5000), 1 + rnd(5000))); break;
	case 5: note("flags", fcntl(f, F_GETFL)); break;
	case 6: note("cloexec", fcntl(f, F_SETFD, rnd(2))); note("fd flags", fcntl(f, F_GETFD)); break;
	case 7: case 8: // not of an eventfd: all of them in the machine have the same inode
		value = (rnd(3) == 0 ? LOCK_UN : rnd(2) ? LOCK_SH : LOCK_EX) | LOCK_NB;
		if (fstat(f, &st) == 0 && S_ISREG(st.st_mode))
			note("lock", rnd(2) ? flock(f, value) : fcntl(f, rnd(2) ? F_SETLK : F_OFD_SETLK, &lock));
		break;
	case 9: note("FIONREAD", ioctl(f, FIONREAD, &value)); printf("%d\n", value); break;
	case 10: note("fchmod", fchmod(f, 0600 | rnd(64))); break;
	case 11: note("shutdown", shutdown(f, rnd(3))); break;
	}
}

static void on_name(void) {
	struct stat st;
	char link[64];
	switch (rnd(10)) {
	case 0: note("rename", rename(name(), name())); break;
	case 1: note("link", linkat(AT_FDCWD, name(), AT_FDCWD, name(), 0)); break;
	case 2: note("symlink", symlink("a", name())); break;
	case 3: note("unlink", unlink(name())); break;
	case 4: if (note("stat", stat(name(), &st)) == 0) printf("%o %ld\n", st.st_mode, (long)st.st_nlink); break;
	case 5: note("readlink", readlink(name(), link, sizeof link)); break;
	case 6: note("access", access(name(), rnd(2) ? F_OK : R_OK)); break;
	case 7: note("truncate", truncate(name(), rnd(10000))); break;
	case 8: note("mkdir", mkdir(rnd(2) ? "any/d" : name(), 0750)); break;
	case 9: note("rmdir", rmdir(rnd(2) ? "any/d" : name())); break;
	}
}

static void wait_ready(void) {
	struct pollfd p[4];
	struct epoll_event event = {.events = EPOLLIN | (rnd(2) ? EPOLLOUT : 0), .data.u32 = rnd(100)}, got[4];
	int e = fd(), f = fd();
	switch (rnd(3)) {
	case 0:
		for (int i = 0; i < 4; i++)
			p[i] = (struct pollfd){.fd = fd(), .events = POLLIN | POLLOUT};
		note("poll", poll(p, 4, 0));
		for (int i = 0; i < 4; i++)
			printf("%x ", p[i].revents);
		printf("\n");
		break;
	case 1: note("epoll_ctl", e == f ? -2 : epoll_ctl(e, 1 + rnd(3), f, &event)); break;
	case 2: note("epoll_wait", epoll_wait(e, got, 4, 0)); break;
	}
}

static void map(void) {
	int i = rnd(MAPS), prot = rnd(4) ? PROT_READ | PROT_WRITE : PROT_READ;
	size_t len = (1 + rnd(8)) * PAGE;
	switch (rnd(7)) {
	case 0: case 1:
		if (maps[i].at)
			note("munmap", munmap(maps[i].at, maps[i].len));
		maps[i].at = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		maps[i].len = len;
		note("mmap", maps[i].at == MAP_FAILED ? -1 : 0);
		if (maps[i].at == MAP_FAILED)
			maps[i].at = NULL;
		break;
	case 2: if (maps[i].at) note("mprotect", mprotect(maps[i].at, maps[i].len, prot)); break;
	case 3: if (maps[i].at) note("dontneed", madvise(maps[i].at, maps[i].len, MADV_DONTNEED)); break;
	case 4:
		if (maps[i].at) {
			void *new = mremap(maps[i].at, maps[i].len, len, MREMAP_MAYMOVE);
			note("mremap", new == MAP_FAILED ? -1 : 0);
			if (new != MAP_FAILED)
				maps[i].at = new, maps[i].len = len;
		}
		break;
	case 5: // not beyond its end: what is there depends on who chose the addresses
		if (maps[i].at) {
			size_t from = rnd(maps[i].len);
			note("pwrite", pwrite(fd(), maps[i].at + from, rnd(maps[i].len - from + 1), rnd(100)));
		}
		break;
	case 6: if (maps[i].at) note("pread", pread(fd(), maps[i].at, maps[i].len, rnd(100))); break;
	}
	unsigned char residency[64];
	if (maps[i].at && mincore(maps[i].at, maps[i].len, residency) == 0)
		printf("%u\n", sum(maps[i].at, maps[i].len));
}

static void on_signals(void) {
	static const int which[] = {SIGUSR1, SIGUSR2, SIGWINCH, 34, 35};
	int sig = which[rnd(5)];
	sigset_t set;
	struct timespec none = {0, 0};
	siginfo_t info;
	sigemptyset(&set);
	for (int i = 0; i < 5; i++)
		if (rnd(2))
			sigaddset(&set, which[i]);
	switch (rnd(7)) {
	case 0: note("mask", sigprocmask(rnd(3), &set, NULL)); break;
	case 1: note("raise", raise(sig)); break;
	case 2: note("queue", sigqueue(getpid(), sig, (union sigval){.sival_int = rnd(1000)})); break;
	case 3: note("kill", kill(getpid(), sig)); break;
	case 4: sigpending(&set); printf("pending %d\n", sigismember(&set, sig)); break;
	case 5:
		if (note("timedwait", sigtimedwait(&set, &info, &none)) > 0)
			printf("%d\n", info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
		break;
	case 6: {
		struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | (rnd(2) ? SA_RESTART : 0)};
		if (rnd(6) == 0)
			a.sa_handler = SIG_IGN, a.sa_flags = 0;
		note("action", sigaction(sig, &a, NULL));
	}
	}
	printf("%u\n", order);
}

static void child(void) {
	int status, how = rnd(4), code = rnd(100);
	fflush(stdout);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		spin(1);
		if (how == 0)
			raise(SIGKILL);
		if (how == 1 && write(fd(), "child", ready(fd(), POLLOUT) ? 5 : 0) > 2)
			code++;
		if (how == 2)
			execl("/bin/sh", "sh", "-c", "exit 5", NULL);
		_exit(code);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	printf("child %x\n", status);
}

static void self(void) {
	char word[64];
	struct rlimit limit = {.rlim_cur = 100 + rnd(100), .rlim_max = RLIM_INFINITY};
	switch (rnd(6)) {
	case 0: snprintf(word, sizeof word, "any%u", rnd(1000)); note("name", prctl(PR_SET_NAME, word)); break;
	case 1: note("name", prctl(PR_GET_NAME, word)); printf("%.15s\n", word); break;
	case 2: note("umask", umask(rnd(64))); break;
	case 3: getrlimit(RLIMIT_NOFILE, &limit); limit.rlim_cur = 100 + rnd(100); note("limit", setrlimit(RLIMIT_NOFILE, &limit)); break;
	case 4: getrlimit(RLIMIT_NOFILE, &limit); printf("limit %lu\n", limit.rlim_cur < 1000 ? limit.rlim_cur : 0); break;
	case 5: note("nice", getpriority(PRIO_PROCESS, 0)); break;
	}
}

int main(int argc, char **argv) {
	state = argc > 2 ? atoi(argv[2]) : 1;
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < FDS; i++)
		fds[i] = -1;
	static const int which[] = {SIGUSR1, SIGUSR2, SIGWINCH, 34, 35};
	struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	for (int i = 0; i < 5; i++)
		CHECK(sigaction(which[i], &a, NULL) == 0);
	CHECK(system("rm -rf any") == 0 && mkdir("any", 0755) == 0);
	for (int i = 0; i < 1500; i++) {
		if (i % 10 == 0)
			spin(i);
		switch (rnd(16)) {
		case 0: open_one(); break;
		case 1: pair(); break;
		case 2: special(); break;
		case 3: case 4: case 5: transfer(); break;
		case 6: between(); break;
		case 7: case 8: on_file(); break;
		case 9: on_name(); break;
		case 10: wait_ready(); break;
		case 11: case 12: map(); break;
		case 13: on_signals(); break;
		case 14: if (rnd(8) == 0) child(); break;
		case 15: self(); break;
		}
	}
	CHECK(system("rm -rf any") == 0);
	return 0;
}
