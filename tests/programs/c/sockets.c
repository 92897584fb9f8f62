// Sockets to itself: a descriptor passed over a pair, TCP and UDP on loopback.
// build: dynamic musl
#include "guest.h"
#include <netinet/in.h>
#include <sys/socket.h>

static void pass_descriptor(int pair[2]) {
	char byte = 'd', room[CMSG_SPACE(sizeof(int))];
	struct iovec v = {&byte, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
	int p[2], got;
	CHECK(pipe(p) == 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &p[1], sizeof(int));
	CHECK(sendmsg(pair[0], &m, 0) == 1);
	memset(room, 0, sizeof room);
	m.msg_controllen = sizeof room;
	CHECK(recvmsg(pair[1], &m, MSG_CMSG_CLOEXEC) == 1 && byte == 'd');
	c = CMSG_FIRSTHDR(&m);
	CHECK(c && c->cmsg_type == SCM_RIGHTS);
	memcpy(&got, CMSG_DATA(c), sizeof(int));
	CHECK(got != p[1] && write(got, "through", 7) == 7);
	char text[8];
	CHECK(read(p[0], text, 8) == 7 && memcmp(text, "through", 7) == 0);
	CHECK(close(got) == 0 && close(p[0]) == 0 && close(p[1]) == 0);
}

static void talk(int type) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, peer;
	socklen_t size = sizeof a;
	int server = socket(AF_INET, type, 0), client = socket(AF_INET, type, 0), end = server;
	CHECK(bind(server, (struct sockaddr *)&a, size) == 0 && getsockname(server, (struct sockaddr *)&a, &size) == 0 && a.sin_port);
	CHECK(type == SOCK_DGRAM || listen(server, 5) == 0);
	CHECK(connect(client, (struct sockaddr *)&a, sizeof a) == 0);
	size = sizeof peer;
	if (type == SOCK_STREAM)
		CHECK((end = accept4(server, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC)) >= 0 && size == sizeof peer && peer.sin_port);
	char buf[3000];
	memset(buf, 'q', sizeof buf);
	CHECK(send(client, buf, 3000, 0) == 3000);
	memset(buf, 0, sizeof buf);
	size = sizeof peer;
	CHECK(recvfrom(end, buf, sizeof buf, MSG_WAITALL, (struct sockaddr *)&peer, &size) == 3000 && buf[2999] == 'q');
	if (type == SOCK_STREAM)
		CHECK(shutdown(client, SHUT_WR) == 0 && recv(end, buf, 1, 0) == 0 && close(end) == 0);
	CHECK(close(client) == 0 && close(server) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int pair[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	do {
		pass_descriptor(pair);
		talk(SOCK_STREAM);
		talk(SOCK_DGRAM);
	} while (going());
	return done("sockets");
}
