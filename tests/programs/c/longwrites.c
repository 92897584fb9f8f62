// Writes that are larger than a pipe or a socket holds return when all is written.
// build: dynamic static
#include "guest.h"
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { SIZE = 300000, PIECE = 3000 };
static unsigned char buf[SIZE];

static unsigned char at(long i) { return (unsigned char)(i * 7 + (i >> 8) * 13); }

// reader takes the bytes slowly and tells by its status whether they were right.
static int reader(int fd) {
	long n = 0;
	for (;;) {
		unsigned char piece[PIECE];
		ssize_t got = read(fd, piece, sizeof piece);
		if (got == 0)
			return n % SIZE == 0 ? 0 : 1;
		if (got < 0)
			return 2;
		for (ssize_t i = 0; i < got; i++, n++)
			if (piece[i] != at(n % SIZE))
				return 3;
		usleep(500);
	}
}

static void talk(int out, int in, int way) {
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(out);
		_exit(reader(in));
	}
	CHECK(close(in) == 0);
	struct iovec v[3] = {{buf, 1000}, {buf + 1000, 200000}, {buf + 201000, SIZE - 201000}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
	switch (way) {
	case 0: CHECK(write(out, buf, SIZE) == SIZE); break;
	case 1: CHECK(writev(out, v, 3) == SIZE); break;
	case 2: CHECK(send(out, buf, SIZE, 0) == SIZE); break;
	case 3: CHECK(sendmsg(out, &m, MSG_NOSIGNAL) == SIZE); break;
	}
	CHECK(close(out) == 0);
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	for (long i = 0; i < SIZE; i++)
		buf[i] = at(i);
	int p[2], way = 0;
	do {
		if (way < 2)
			CHECK(pipe(p) == 0);
		else
			CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
		talk(p[1], p[0], way);
		way = (way + 1) % 4;
	} while (way != 0 || going());
	return done("longwrites");
}
