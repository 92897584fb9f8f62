// Threads wait in every kind of call on descriptors and queues, and go on as soon as
// what they wait for is there.
// flags: -pthread
#include "calls.h"
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>

enum { LARGE = 300000 };
static char large[LARGE], got[LARGE];
static int fifo[2], stream[2], passing[2], narrow[2], whole[2], fat[2], from[2], to[2], polled[2], picked[2], many[2];
static int listener, crowded, event, watched, watch, master, slave, locked[2], owned[2], sem, msg, timer, signals, epoll;
static mqd_t queue;
static struct sockaddr_un address = {AF_UNIX, "blocked.a"}, address2 = {AF_UNIX, "blocked.b"};
static sigset_t usr1, usr2;

static long close_it(int fd) { return fd >= 0 ? close(fd) + 1 : -1; }

static long in_open(void) { return close_it(open("blocked.fifo", O_RDONLY)); }
static void to_open(void) { CHECK(close_it(open("blocked.fifo", O_WRONLY)) == 1); }
static long in_read(void) { char c = 0; return read(fifo[0], &c, 1) == 1 ? c : -1; }
static void to_read(void) { CHECK(write(fifo[1], "r", 1) == 1); }
static long in_accept(void) { return close_it(accept(listener, NULL, NULL)); }
static void to_accept(void) {
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && close(fd) == 0);
}
static long in_connect(void) { // the queue of the listener is full
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	long ret = connect(fd, (struct sockaddr *)&address2, sizeof address2);
	close(fd);
	return ret;
}
static void to_connect(void) { CHECK(close_it(accept(crowded, NULL, NULL)) == 1 && close_it(accept(crowded, NULL, NULL)) == 1); }

static struct msghdr *descriptor(int fd) {
	static char one = 'd', space[CMSG_SPACE(sizeof(int))];
	static struct iovec v = {&one, 1};
	static struct msghdr m;
	m = (struct msghdr){.msg_iov = &v, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof fd);
	return &m;
}
static long in_recvmsg(void) {
	char one, space[CMSG_SPACE(sizeof(int))];
	struct iovec v = {&one, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
	int fd;
	CHECK(recvmsg(passing[0], &m, MSG_CMSG_CLOEXEC) == 1 && one == 'd' && CMSG_FIRSTHDR(&m));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return close_it(fd);
}
static void to_recvmsg(void) { CHECK(sendmsg(passing[1], descriptor(fifo[0]), 0) == 1); }
static void drain(int fd) {
	for (long n = 0; n < LARGE;) {
		ssize_t part = read(fd, got + n, LARGE - n);
		CHECK(part > 0);
		n += part;
	}
	CHECK(memcmp(got, large, LARGE) == 0);
}
static long in_send(void) { return send(narrow[0], large, LARGE, 0); }
static void to_send(void) { drain(narrow[1]); }
static long in_write(void) { return write(fat[1], large, LARGE); }
static void to_write(void) { drain(fat[0]); }
static long in_waitall(void) {
	char text[9] = "";
	CHECK(recv(whole[0], text, 8, MSG_WAITALL) == 8 && strcmp(text, "onetwo89") == 0);
	return 8;
}
static void to_waitall(void) {
	CHECK(send(whole[1], "one", 3, 0) == 3);
	spin(spin(spin(1)));
	CHECK(send(whole[1], "two89", 5, 0) == 5);
}
static long in_recv(void) { char c; return recv(stream[0], &c, 1, 0) == 1 ? c : -1; }
static void to_recv(void) { CHECK(send(stream[1], "s", 1, 0) == 1); }
static long in_recvmmsg(void) {
	char a[4], b[4];
	struct iovec v[2] = {{a, 4}, {b, 4}};
	struct mmsghdr m[2] = {{{.msg_iov = v, .msg_iovlen = 1}, 0}, {{.msg_iov = v + 1, .msg_iovlen = 1}, 0}};
	return recvmmsg(many[0], m, 2, 0, &(struct timespec){60, 0}) * 100 + m[0].msg_len * 10 + m[1].msg_len;
}
static void to_recvmmsg(void) {
	CHECK(send(many[1], "abc", 3, 0) == 3);
	spin(spin(spin(1)));
	CHECK(send(many[1], "de", 2, 0) == 2);
}
static long in_epoll(void) {
	struct epoll_event e = {0, {0}};
	uint64_t n;
	return epoll_wait(epoll, &e, 1, 60000) == 1 && read(e.data.fd, &n, 8) == 8 ? (long)n : -1;
}
static void to_epoll(void) { CHECK(eventfd_write(watched, 5) == 0); }
static long in_eventfd(void) { uint64_t n; return read(event, &n, 8) == 8 ? (long)n : -1; }
static void to_eventfd(void) { CHECK(eventfd_write(event, 7) == 0); }
static long in_inotify(void) {
	struct { struct inotify_event e; char name[64]; } e;
	return read(watch, &e, sizeof e) > 0 && strcmp(e.name, "blocked.x") == 0 ? (long)e.e.mask : -1;
}
static void to_inotify(void) { CHECK(close_it(creat("blocked.x", 0600)) == 1 && unlink("blocked.x") == 0); }
static long in_pty(void) { char line[20] = ""; return read(slave, line, 20) * (strcmp(line, "typed\n") == 0); }
static void to_pty(void) { CHECK(write(master, "typed\n", 6) == 6); }
static long in_flock(void) { return flock(locked[0], LOCK_EX) ?: flock(locked[0], LOCK_UN); }
static void to_flock(void) { CHECK(flock(locked[1], LOCK_UN) == 0); }
static long own(int fd, int cmd, int type) {
	struct flock l = {.l_type = type, .l_start = 5, .l_len = 5};
	return fcntl(fd, cmd, &l);
}
static long in_lock(void) { return own(owned[0], F_OFD_SETLKW, F_WRLCK) ?: own(owned[0], F_OFD_SETLK, F_UNLCK); }
static void to_lock(void) { CHECK(own(owned[1], F_OFD_SETLK, F_UNLCK) == 0); }
static long in_splice(void) {
	char text[8];
	return splice(from[0], NULL, to[1], NULL, 8, 0) * 10 + read(to[0], text, 8);
}
static void to_splice(void) { CHECK(write(from[1], "moved", 5) == 5); }
static long in_mq(void) { char text[16]; return mq_receive(queue, text, 16, NULL); }
static void to_mq(void) { CHECK(mq_send(queue, "posted", 6, 0) == 0); }
static long in_msgrcv(void) { struct { long type; char c[8]; } m; return msgrcv(msg, &m, 8, 4, 0); }
static void to_msgrcv(void) { struct { long type; char c[8]; } m = {4, "abc"}; CHECK(msgsnd(msg, &m, 4, 0) == 0); }
static long in_semop(void) { return semtimedop(sem, &(struct sembuf){0, -2, 0}, 1, &(struct timespec){60, 0}); }
static void to_semop(void) { CHECK(semop(sem, &(struct sembuf){0, 2, 0}, 1) == 0); }
static long in_poll(void) {
	struct pollfd f = {polled[0], POLLIN, 0};
	char c;
	return poll(&f, 1, 60000) == 1 && read(polled[0], &c, 1) == 1 ? f.revents : -1;
}
static void to_poll(void) { CHECK(write(polled[1], "p", 1) == 1); }
static long in_select(void) {
	fd_set set;
	char c;
	FD_ZERO(&set);
	FD_SET(picked[0], &set);
	return select(picked[0] + 1, &set, NULL, NULL, &(struct timeval){60, 0}) == 1 && read(picked[0], &c, 1) == 1;
}
static void to_select(void) { CHECK(write(picked[1], "p", 1) == 1); }
static long in_timerfd(void) { uint64_t n; return read(timer, &n, 8) == 8 ? (long)n : -1; }
static void to_timerfd(void) { CHECK(timerfd_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 1}}, NULL) == 0); }
static long in_signalfd(void) { struct signalfd_siginfo s; return read(signals, &s, sizeof s) == sizeof s ? (long)s.ssi_signo : -1; }
static void to_signalfd(void) { CHECK(kill(getpid(), SIGUSR2) == 0); }
static long in_sigwait(void) { return sigtimedwait(&usr1, NULL, &(struct timespec){60, 0}); }
static void to_sigwait(void) { CHECK(kill(getpid(), SIGUSR1) == 0); }

static struct kind {
	const char *name;
	long (*wait)(void);
	void (*wake)(void);
	sem_t start, ended;
	volatile long result;
} kinds[] = {
#define KIND(what) {.name = #what, .wait = in_##what, .wake = to_##what}
	KIND(open), KIND(read), KIND(accept), KIND(connect), KIND(recvmsg), KIND(send), KIND(write), KIND(waitall), KIND(recv),
	KIND(recvmmsg), KIND(epoll), KIND(eventfd), KIND(inotify), KIND(pty), KIND(flock), KIND(lock), KIND(splice), KIND(mq),
	KIND(msgrcv), KIND(semop), KIND(poll), KIND(select), KIND(timerfd), KIND(signalfd), KIND(sigwait),
};
enum { KINDS = sizeof kinds / sizeof *kinds, ASLEEP = -77 };
static volatile int over;

static void take(sem_t *s) {
	while (sem_wait(s))
		CHECK(errno == EINTR);
}

static void *work(void *arg) {
	struct kind *k = arg;
	for (;;) {
		take(&k->start);
		if (over)
			return NULL;
		errno = 0;
		long ret = k->wait();
		if (ret == -1)
			printf("%s: %m\n", k->name);
		k->result = ret;
		sem_post(&k->ended);
	}
}

// prepare makes again what each wait uses up: the locks are ours, the queue is full.
static void prepare(void) {
	CHECK(flock(locked[1], LOCK_EX) == 0 && own(owned[1], F_OFD_SETLK, F_WRLCK) == 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(fd, (struct sockaddr *)&address2, sizeof address2) == 0 && close(fd) == 0);
	CHECK(close(watch) == 0 && (watch = inotify_init1(0)) >= 0 && inotify_add_watch(watch, ".", IN_CREATE) == 1);
}

static void open_all(void) {
	char name[32];
	for (int i = 0; i < LARGE; i++)
		large[i] = i * 7 + i / 251;
	CHECK(mkfifo("blocked.fifo", 0600) == 0 && pipe(fifo) == 0 && pipe(fat) == 0 && pipe(from) == 0 && pipe(to) == 0 && pipe(polled) == 0 && pipe(picked) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, stream) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, passing) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, narrow) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, whole) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, many) == 0);
	listener = socket(AF_UNIX, SOCK_STREAM, 0), crowded = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 5) == 0);
	CHECK(bind(crowded, (struct sockaddr *)&address2, sizeof address2) == 0 && listen(crowded, 0) == 0);
	CHECK((event = eventfd(0, 0)) >= 0 && (watched = eventfd(0, 0)) >= 0 && (watch = inotify_init1(0)) >= 0 && (timer = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0);
	CHECK((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
	for (int i = 0; i < 2; i++)
		CHECK((locked[i] = open("blocked.lock", O_RDWR | O_CREAT, 0600)) >= 0 && (owned[i] = open("blocked.lock", O_RDWR)) >= 0);
	CHECK((sem = semget(IPC_PRIVATE, 1, 0600)) >= 0 && (msg = msgget(IPC_PRIVATE, 0600)) >= 0);
	struct mq_attr a = {.mq_maxmsg = 2, .mq_msgsize = 16};
	snprintf(name, sizeof name, "/blocked-%d", getpid());
	CHECK((queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &a)) >= 0 && mq_unlink(name) == 0);
	sigemptyset(&usr1), sigemptyset(&usr2), sigaddset(&usr1, SIGUSR1), sigaddset(&usr2, SIGUSR2);
	CHECK(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0 && sigprocmask(SIG_BLOCK, &usr2, NULL) == 0 && (signals = signalfd(-1, &usr2, 0)) >= 0);
	struct epoll_event e = {EPOLLIN, {.fd = watched}};
	CHECK((epoll = epoll_create1(0)) >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, watched, &e) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	open_all();
	pthread_t t[KINDS];
	for (int i = 0; i < KINDS; i++) {
		CHECK(sem_init(&kinds[i].start, 0, 0) == 0 && sem_init(&kinds[i].ended, 0, 0) == 0);
		CHECK(pthread_create(&t[i], NULL, work, &kinds[i]) == 0);
	}
	do {
		prepare();
		for (int i = 0; i < KINDS; i++)
			kinds[i].result = ASLEEP, sem_post(&kinds[i].start);
		usleep(20000);
		for (int i = 0; i < KINDS; i++) {
			CHECK(kinds[i].result == ASLEEP);
			kinds[i].wake();
			take(&kinds[i].ended);
			note("%s %ld\n", kinds[i].name, kinds[i].result);
		}
	} while (again());
	over = 1;
	for (int i = 0; i < KINDS; i++) {
		sem_post(&kinds[i].start);
		CHECK(pthread_join(t[i], NULL) == 0);
	}
	CHECK(semctl(sem, 0, IPC_RMID) == 0 && msgctl(msg, IPC_RMID, NULL) == 0);
	return done("blocked");
}
