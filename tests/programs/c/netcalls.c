// Every call on sockets: what it gives, and how it fails.
#include "calls.h"
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buf[256], *end;

static void pairs(void) {
	int s[2], none[2] = {77, 78};
	struct sockaddr_un a;
	socklen_t n = sizeof a;
	CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, s);
	CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, BAD);
	CALL(socketpair, AF_INET, SOCK_STREAM, 0, none);
	SHOW(none[0]), SHOW(none[1]);
	CALL(sendto, s[0], "hello there", 11, 0, NULL, 0);
	CALL(sendto, s[0], BAD, 4, 0, NULL, 0);
	CALL(sendto, 99, "x", 1, 0, NULL, 0);
	CALL(sendto, s[0], "x", 1, 0, BAD, 16);
	show(buf, CALL(recvfrom, s[1], buf, 5, MSG_PEEK, NULL, NULL));
	CALL(recvfrom, s[1], BAD, 5, 0, NULL, NULL);
	show(buf, CALL(recvfrom, s[1], buf, sizeof buf, 0, &a, &n));
	SHOW(n);
	CALL(recvfrom, s[1], buf, 5, MSG_DONTWAIT, NULL, NULL);
	CALL(recvfrom, s[1], BAD, 5, MSG_DONTWAIT, NULL, NULL);
	n = sizeof a;
	CALL(getsockname, s[0], &a, &n);
	SHOW(n), SHOW(a.sun_family);
	CALL(getpeername, s[0], &a, BAD);
	n = -1;
	CALL(getpeername, s[0], &a, &n);
	CALL(shutdown, s[0], SHUT_WR);
	CALL(shutdown, s[0], 99);
	CALL(shutdown, 99, SHUT_WR);
	CALL(recvfrom, s[1], buf, 5, 0, NULL, NULL);
	CALL(sendto, s[0], "x", 1, MSG_NOSIGNAL, NULL, 0);
	CALL(close_range, s[0], s[1], 0);
}

// naming binds, listens, connects and accepts by a file's name.
static void naming(void) {
	struct sockaddr_un a = {AF_UNIX, "sock"}, got;
	socklen_t n = sizeof got;
	int server = CALL(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client = CALL(socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CALL(socket, AF_UNIX, 99, 0);
	CALL(socket, 99, SOCK_STREAM, 0);
	CALL(accept, server, NULL, NULL);
	CALL(bind, server, &a, 7);
	CALL(bind, server, &a, 7);
	CALL(bind, client, &a, 7);
	CALL(bind, client, BAD, 7);
	CALL(bind, client, &a, 500);
	CALL(connect, client, &a, 7);
	CALL(listen, server, 5);
	CALL(listen, 99, 5);
	CALL(connect, client, BAD, 7);
	CALL(connect, client, &a, 7);
	CALL(connect, client, &a, 7);
	memset(&got, 0, sizeof got);
	CALL(getpeername, client, &got, &n);
	SHOW(n);
	show(got.sun_path, 5);
	n = 3;
	memset(&got, 'x', sizeof got);
	CALL(getsockname, server, &got, &n);
	SHOW(n), SHOW(got.sun_path[1]);
	int peer = CALL(accept, server, &got, &n);
	SHOW(n);
	CALL(fcntl, server, F_SETFL, O_NONBLOCK);
	CALL(accept, server, &got, &n);
	CALL(accept4, server, BAD, &n, 0);
	CALL(accept4, server, NULL, NULL, 1 << 20);
	CALL(accept4, 99, NULL, NULL, 0);
	int second = CALL(socket, AF_UNIX, SOCK_STREAM, 0);
	CALL(connect, second, &a, 7);
	n = sizeof got;
	CALL(accept4, server, &got, &n, SOCK_CLOEXEC);
	CALL(write, peer, "to client", 9);
	show(buf, CALL(read, client, buf, sizeof buf));
	CALL(unlink, "sock");
	CALL(close_range, server, server + 4, 0);
}

static void options(void) {
	int s = CALL(socket, AF_INET, SOCK_STREAM, 0), one = 1, value = 0;
	socklen_t n = 4;
	struct ifreq r = {.ifr_name = "lo"};
	struct linger l = {1, 5};
	CALL(setsockopt, s, SOL_SOCKET, SO_REUSEADDR, &one, 4);
	CALL(setsockopt, s, SOL_SOCKET, SO_REUSEADDR, &one, 3);
	CALL(setsockopt, s, SOL_SOCKET, SO_REUSEADDR, BAD, 4);
	CALL(setsockopt, s, SOL_SOCKET, SO_REUSEADDR, &one, -1);
	CALL(setsockopt, s, SOL_SOCKET, 9999, &one, 4);
	CALL(setsockopt, 99, SOL_SOCKET, SO_REUSEADDR, &one, 4);
	CALL(setsockopt, 0, SOL_SOCKET, SO_REUSEADDR, &one, 4);
	CALL(getsockopt, s, SOL_SOCKET, SO_REUSEADDR, &value, &n);
	SHOW(value), SHOW(n);
	n = 100;
	CALL(getsockopt, s, SOL_SOCKET, SO_TYPE, &value, &n);
	SHOW(value), SHOW(n);
	n = 2, value = -1;
	CALL(getsockopt, s, SOL_SOCKET, SO_DOMAIN, &value, &n);
	SHOW(value), SHOW(n);
	n = -1;
	CALL(getsockopt, s, SOL_SOCKET, SO_TYPE, &value, &n);
	CALL(getsockopt, s, SOL_SOCKET, SO_TYPE, &value, BAD);
	n = 4;
	CALL(getsockopt, s, SOL_SOCKET, SO_TYPE, BAD, &n);
	CALL(getsockopt, s, SOL_TCP, TCP_NODELAY, &value, &n);
	CALL(getsockopt, s, 12345, 1, &value, &n);
	CALL(setsockopt, s, SOL_SOCKET, SO_LINGER, &l, sizeof l);
	n = sizeof buf;
	show(buf, CALL(getsockopt, s, SOL_SOCKET, SO_LINGER, buf, &n));
	SHOW(n);
	CALL(ioctl, s, SIOCGIFINDEX, &r);
	SHOW(r.ifr_ifindex);
	strcpy(r.ifr_name, "nothing");
	CALL(ioctl, s, SIOCGIFINDEX, &r);
	CALL(ioctl, s, SIOCGIFINDEX, BAD);
	CALL(ioctl, s, FIONREAD, &value);
	CALL(close, s);
}

// datagrams are messages of many pieces, with addresses and credentials.
static void datagrams(void) {
	struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}}, from;
	socklen_t n = sizeof a;
	int s = CALL(socket, AF_INET, SOCK_DGRAM, 0), c = CALL(socket, AF_INET, SOCK_DGRAM, 0);
	CALL(bind, s, &a, sizeof a);
	CALL(getsockname, s, &a, &n);
	struct iovec v[2] = {{"first ", 6}, {"second", 6}}, in[2] = {{buf, 3}, {buf + 10, 20}}, bad[2] = {{buf, 3}, {BAD, 20}};
	struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = v, .msg_iovlen = 2}, got = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = in, .msg_iovlen = 2};
	CALL(sendto, c, "datagram", 8, 0, &a, sizeof a);
	CALL(sendto, c, "datagram", 8, 0, &a, 3);
	n = sizeof from;
	show(buf, CALL(recvfrom, s, buf, 4, MSG_TRUNC, &from, &n));
	SHOW(n), SHOW(from.sin_addr.s_addr == a.sin_addr.s_addr);
	CALL(sendmsg, c, &m, 0);
	CALL(sendmsg, c, BAD, 0);
	CALL(recvmsg, s, &got, 0);
	show(buf, 20);
	SHOW(got.msg_namelen), SHOW(got.msg_flags), SHOW(got.msg_controllen);
	CALL(recvmsg, s, &got, MSG_DONTWAIT);
	CALL(recvmsg, s, end - 8, MSG_DONTWAIT);
	struct mmsghdr many[3] = {{m, 0}, {m, 0}, {m, 0}}, back[4] = {{got, 77}, {got, 77}, {got, 77}, {got, 77}};
	struct timespec t = {5, 0};
	CALL(sendmmsg, c, many, 3, 0);
	SHOW(many[2].msg_len);
	CALL(sendmmsg, c, BAD, 3, 0);
	CALL(sendmmsg, c, end - 80, 2, 0);
	CALL(recvmmsg, s, back, 4, MSG_WAITFORONE, &t);
	SHOW(back[0].msg_len), SHOW(back[2].msg_len), SHOW(back[3].msg_len);
	CALL(recvmmsg, s, back, 4, MSG_DONTWAIT, NULL);
	CALL(recvmmsg, s, back, 4, MSG_DONTWAIT, BAD);
	// A datagram into a bad pointer is lost, here as there.
	CALL(sendmsg, c, &m, 0);
	got.msg_iov = bad;
	CALL(recvmsg, s, &got, MSG_DONTWAIT);
	CALL(recvfrom, s, buf, sizeof buf, MSG_DONTWAIT, NULL, NULL);
	CALL(close_range, s, c, 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	end = edge(1);
	do {
		pairs();
		naming();
		options();
		datagrams();
	} while (again());
	return done("netcalls");
}
