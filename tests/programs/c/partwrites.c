// Writes to descriptors that do not wait and have room for less: by write, writev, send and
// sendmsg, to a pipe and to sockets, told by epoll of each edge. A child reads and checks.
#include "guest.h"
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { SIZE = 3 << 20, PIECES = 7 };
static uint32_t data[SIZE / 4];

// reads reads all of the data, slower than it is written, and checks it, then ends.
static void reads(int fd) {
	static uint32_t got[1 << 16];
	size_t n = 0;
	for (ssize_t k; (k = read(fd, (char *)got + n % sizeof(got), sizeof(got) - n % sizeof(got))) > 0; n += k, usleep(200))
		for (size_t i = n / 4; i < (n + k) / 4; i++)
			CHECK(got[i % (sizeof(got) / 4)] == (uint32_t)i * 2654435761u);
	CHECK(n == SIZE);
	_exit(0);
}

static ssize_t by_write(int fd, const char *at, size_t n) { return write(fd, at, n); }
static ssize_t by_send(int fd, const char *at, size_t n) { return send(fd, at, n, MSG_NOSIGNAL); }

// pieces makes a vector of pieces that lie one after the other.
static int pieces(struct iovec *v, const char *at, size_t n) {
	for (int i = 0; i < PIECES; i++) {
		size_t k = i < PIECES - 1 ? n / (PIECES + i) : n;
		v[i] = (struct iovec){(char *)at, k};
		at += k;
		n -= k;
	}
	return PIECES;
}

static ssize_t by_writev(int fd, const char *at, size_t n) {
	struct iovec v[PIECES];
	return writev(fd, v, pieces(v, at, n));
}

static ssize_t by_sendmsg(int fd, const char *at, size_t n) {
	struct iovec v[PIECES];
	struct msghdr m = {.msg_iov = v, .msg_iovlen = pieces(v, at, n)};
	return sendmsg(fd, &m, 0);
}

// writes writes all of the data. After a short count there is no room: it waits for the edge.
static void writes(int fd, ssize_t (*some)(int, const char *, size_t)) {
	int e = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLOUT | EPOLLET};
	CHECK(e >= 0 && epoll_ctl(e, EPOLL_CTL_ADD, fd, &event) == 0);
	for (size_t n = 0; n < SIZE;) {
		ssize_t k = some(fd, (char *)data + n, SIZE - n);
		CHECK(k > 0 || errno == EAGAIN);
		n += k > 0 ? k : 0;
		CHECK(n == SIZE || epoll_wait(e, &event, 1, 10000) == 1);
	}
	close(e);
}

static void both(int to, int from, ssize_t (*some)(int, const char *, size_t)) {
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(to);
		reads(from);
	}
	close(from);
	CHECK(fcntl(to, F_SETFL, O_NONBLOCK) == 0);
	writes(to, some);
	close(to);
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void by_tcp(int fd[2]) {
	int l = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	CHECK(bind(l, (void *)&a, n) == 0 && listen(l, 1) == 0 && getsockname(l, (void *)&a, &n) == 0);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	int small = 1 << 16;
	CHECK(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
	CHECK(connect(fd[0], (void *)&a, n) == 0 && (fd[1] = accept(l, NULL, NULL)) >= 0);
	close(l);
}

// to_file writes to a file by a number that was another descriptor's.
static void to_file(int number) {
	FILE *f = tmpfile();
	CHECK(f && (fileno(f) == number || dup2(fileno(f), number) == number));
	CHECK(write(number, data, SIZE) == SIZE);
	CHECK(lseek(number, 0, SEEK_CUR) == SIZE && ftruncate(number, SIZE / 2) == 0);
	uint32_t last[2];
	CHECK(pread(number, last, sizeof(last), SIZE / 2 - 4) == 4 && last[0] == data[SIZE / 8 - 1]);
	if (fileno(f) != number)
		close(number);
	fclose(f);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	for (size_t i = 0; i < SIZE / 4; i++)
		data[i] = (uint32_t)i * 2654435761u;
	do {
		int fd[2];
		CHECK(pipe(fd) == 0);
		both(fd[1], fd[0], by_write);
		to_file(fd[1]);
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
		both(fd[1], fd[0], by_writev);
		by_tcp(fd);
		both(fd[0], fd[1], by_send);
		by_tcp(fd);
		both(fd[0], fd[1], by_sendmsg);
	} while (going());
	return done("partwrites");
}
