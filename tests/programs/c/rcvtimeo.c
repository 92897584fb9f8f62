// Socket calls with a time limit: recv, accept and recvmsg give up on time.
#include "guest.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	int pair[2], l = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(bind(l, (struct sockaddr *)&a, sizeof a) == 0 && listen(l, 1) == 0);
	struct timeval limit = {0, 40000}, got;
	socklen_t size = sizeof got;
	CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
	CHECK(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
	CHECK(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &got, &size) == 0 && got.tv_usec == 40000 && size == sizeof got);
	do {
		char c[4];
		struct iovec v = {c, 4};
		struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
		int64_t start = clock_ms();
		FAILS(recv(pair[0], c, 4, 0), EAGAIN);
		CHECK(on_time(start, 40));
		start = clock_ms();
		FAILS(accept(l, NULL, NULL), EAGAIN);
		CHECK(on_time(start, 40));
		start = clock_ms();
		FAILS(recvmsg(pair[0], &m, 0), EAGAIN);
		CHECK(on_time(start, 40));
		CHECK(send(pair[1], "abc", 3, 0) == 3 && recv(pair[0], c, 4, 0) == 3 && memcmp(c, "abc", 3) == 0);
	} while (going());
	return done("rcvtimeo");
}
