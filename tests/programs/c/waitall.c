// Receiving with MSG_WAITALL returns when all is there, and what is there at the end of
// the stream; on a socket with records it returns one of them.
// build: dynamic static
#include "guest.h"
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { SIZE = 60000, PIECE = 1000, END = 12345 };
static unsigned char buf[SIZE];

static unsigned char at(long i) { return (unsigned char)(i * 11 + (i >> 8) * 5); }

// writer sends a whole block slowly, then END bytes of another, and ends.
static int writer(int fd) {
	unsigned char piece[PIECE];
	for (long n = 0; n < SIZE + END; ) {
		int size = n + PIECE > SIZE + END ? SIZE + END - n : PIECE;
		for (int i = 0; i < size; i++)
			piece[i] = at((n + i) % SIZE);
		if (send(fd, piece, size, MSG_NOSIGNAL) != size)
			return 2;
		n += size;
		usleep(700);
	}
	return 0;
}

static void expect(ssize_t got, ssize_t want) {
	CHECK(got == want);
	for (ssize_t i = 0; i < got; i++)
		CHECK(buf[i] == at(i));
	memset(buf, 0, sizeof buf);
}

static ssize_t receive(int fd, int way) {
	if (way == 0)
		return recv(fd, buf, SIZE, MSG_WAITALL);
	struct iovec v[3] = {{buf, 10}, {buf + 10, 50000}, {buf + 50010, SIZE - 50010}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
	return recvmsg(fd, &m, MSG_WAITALL);
}

static void stream(int way) {
	int p[2], status;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(p[0]);
		_exit(writer(p[1]));
	}
	CHECK(close(p[1]) == 0);
	expect(receive(p[0], way), SIZE);
	expect(receive(p[0], way), END);
	CHECK(receive(p[0], way) == 0 && close(p[0]) == 0);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void records(void) {
	int p[2];
	char two[2];
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p) == 0);
	CHECK(send(p[1], "a", 1, 0) == 1 && send(p[1], "b", 1, 0) == 1);
	CHECK(recv(p[0], two, 2, MSG_WAITALL) == 1 && two[0] == 'a');
	CHECK(recv(p[0], two, 2, MSG_WAITALL) == 1 && two[0] == 'b');
	CHECK(close(p[0]) == 0 && close(p[1]) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int way = 0;
	do {
		stream(way);
		records();
		way = !way;
	} while (way || going());
	return done("waitall");
}
