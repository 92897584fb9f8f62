// Sockets of all kinds to themselves: names, credentials, descriptors in messages,
// borders of messages, urgent bytes, refusals, filters, IPv6, netlink.
#include "calls.h"
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>

static char buf[70000];

// message sends or receives n bytes with control data.
static long message(int s, int sends, void *data, long n, void *control, size_t *size, int flags, int *got) {
	struct iovec v = {data, n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = size ? *size : 0};
	long ret = sends ? sendmsg(s, &m, flags) : recvmsg(s, &m, flags);
	if (size)
		*size = m.msg_controllen;
	if (got)
		*got = m.msg_flags;
	return ret;
}

// passing sends more descriptors than fit, and a socket through itself.
static void passing(int s[2]) {
	enum { MANY = 20 };
	union { struct cmsghdr h; char room[CMSG_SPACE(MANY * sizeof(int))]; } c = {.h = {CMSG_LEN(MANY * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	int *fds = (int *)CMSG_DATA(&c.h), got = 0, first = dup(0);
	size_t size = sizeof c.room;
	close(first);
	for (int i = 0; i < MANY; i++)
		fds[i] = s[i % 2];
	outcome("send 20 descriptors", message(s[0], 1, "x", 1, &c, &size, 0, NULL));
	size = CMSG_SPACE(5 * sizeof(int)), memset(&c, 0, sizeof c);
	outcome("room for 5", message(s[1], 0, buf, 1, &c, &size, MSG_CMSG_CLOEXEC, &got));
	SHOW(got), SHOW(c.h.cmsg_len), SHOW(fds[0] == first), SHOW(fcntl(fds[4], F_GETFD));
	size = CMSG_LEN(sizeof(int)), c.h.cmsg_len = size, fds[0] = 99;
	outcome("send a bad one", message(s[0], 1, "x", 1, &c, &size, 0, NULL));
	CHECK(close_range(first, first + 30, 0) == 0);
}

static void credentials(int s[2]) {
	int one = 1, got;
	struct ucred u = {0, 0, 0};
	socklen_t n = sizeof u;
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof u)]; } c;
	size_t size = sizeof c.room;
	outcome("SO_PEERCRED", getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &n));
	SHOW(u.pid == getpid() && u.uid == getuid());
	CHECK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, 4) == 0);
	outcome("send", send(s[0], "who", 3, 0));
	outcome("with credentials", message(s[1], 0, buf, 9, &c, &size, 0, &got));
	SHOW(size), SHOW(c.h.cmsg_type), SHOW(((struct ucred *)CMSG_DATA(&c.h))->pid == getpid());
	one = 0;
	CHECK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, 4) == 0);
}

// borders are kept by datagrams and sequenced packets, and not by streams.
static void borders(int type) {
	int s[2], got = 0, n = 0;
	note("type %d\n", type);
	CHECK(socketpair(AF_UNIX, type, 0, s) == 0);
	CHECK(send(s[0], "first", 5, 0) == 5 && send(s[0], "second", 6, MSG_EOR) == 6 && (type == SOCK_STREAM || send(s[0], "", 0, 0) == 0));
	outcome("FIONREAD", ioctl(s[1], FIONREAD, &n) ?: n);
	outcome("SIOCOUTQ > 0", ioctl(s[0], TIOCOUTQ, &n) ?: n > 0);
	outcome("peek", recv(s[1], buf, 100, MSG_PEEK));
	outcome("truncated", message(s[1], 0, buf, 3, NULL, NULL, MSG_TRUNC, &got));
	SHOW(got & ~MSG_CMSG_CLOEXEC);
	outcome("next", message(s[1], 0, buf, 100, NULL, NULL, MSG_DONTWAIT, &got));
	SHOW(got & ~MSG_CMSG_CLOEXEC);
	outcome("empty", recv(s[1], buf, 100, MSG_DONTWAIT));
	CHECK(shutdown(s[0], SHUT_WR) == 0);
	outcome("end", recv(s[1], buf, 100, MSG_DONTWAIT));
	memset(buf, 'b', sizeof buf);
	outcome("large", send(s[1], buf, sizeof buf, MSG_DONTWAIT | MSG_NOSIGNAL));
	outcome("large", recv(s[0], buf, sizeof buf, MSG_DONTWAIT));
	CHECK(close(s[0]) == 0);
	outcome("broken", send(s[1], "x", 1, MSG_NOSIGNAL));
	CHECK(close(s[1]) == 0);
}

static int family(int domain, int type, struct sockaddr_in6 *a, socklen_t *n) {
	memset(a, 0, sizeof *a);
	a->sin6_family = domain, a->sin6_addr = in6addr_loopback;
	if (domain == AF_INET)
		((struct sockaddr_in *)a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*n = domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof *a;
	int s = socket(domain, type, 0);
	CHECK(s >= 0);
	if (bind(s, (struct sockaddr *)a, *n) == 0)
		CHECK(getsockname(s, (struct sockaddr *)a, n) == 0);
	return s;
}

// streams talks TCP: urgent bytes, half-closed ends, files, and a refusal.
static void streams(int domain) {
	struct sockaddr_in6 a;
	socklen_t n, four = 4;
	int server = family(domain, SOCK_STREAM, &a, &n), client = socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 77, mark = 0, one = 1;
	if (listen(server, 3) != 0 || !a.sin6_port) { // no IPv6 here
		CHECK(close(server) == 0 && close(client) == 0);
		return;
	}
	struct pollfd f = {client, POLLOUT, 0};
	quietly("connect", connect(client, (struct sockaddr *)&a, n));
	outcome("poll", poll(&f, 1, 5000));
	outcome("SO_ERROR", getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &four) ?: error);
	int end = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	CHECK(end >= 0 && setsockopt(client, SOL_TCP, TCP_NODELAY, &one, 4) == 0 && fcntl(client, F_SETFL, 0) == 0);
	outcome("more", send(client, "with ", 5, MSG_MORE));
	outcome("send", send(client, "more", 4, 0));
	outcome("all", recv(end, buf, 9, MSG_WAITALL));
	show(buf, 9);
	outcome("urgent", send(client, "ab!", 3, MSG_OOB));
	f = (struct pollfd){end, POLLPRI, 0};
	outcome("poll", poll(&f, 1, 5000));
	SHOW(f.revents);
	outcome("out of band", recv(end, buf, 5, MSG_OOB));
	show(buf, 1);
	outcome("before", recv(end, buf, 5, 0));
	outcome("SIOCATMARK", ioctl(end, SIOCATMARK, &mark) ?: mark);
	int file = open("sockets.out", O_RDWR | O_CREAT | O_TRUNC, 0644);
	off_t from = 2;
	CHECK(write(file, "contents", 8) == 8);
	outcome("sendfile", sendfile(client, file, &from, 100));
	CHECK(close(file) == 0);
	outcome("all", recv(end, buf, 6, MSG_WAITALL));
	show(buf, 6);
	outcome("truncated", send(client, "thrown away", 11, 0));
	outcome("thrown away", recv(end, NULL, 11, MSG_TRUNC | MSG_WAITALL));
	CHECK(shutdown(client, SHUT_WR) == 0);
	outcome("end", recv(end, buf, 5, 0));
	outcome("back", send(end, "back", 4, 0));
	outcome("back", recv(client, buf, 5, 0));
	CHECK(close(end) == 0 && close(client) == 0 && close(server) == 0);
	client = socket(domain, SOCK_STREAM, 0);
	outcome("refused", connect(client, (struct sockaddr *)&a, n));
	CHECK(close(client) == 0);
}

// datagrams goes by UDP with a filter and the address of arrival.
static void datagrams(void) {
	struct sockaddr_in6 a;
	socklen_t n;
	struct sock_filter keep[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 8}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 'k'}, {BPF_RET | BPF_K, 0, 0, 0xffff}, {BPF_RET | BPF_K, 0, 0, 0}};
	struct sock_fprog p = {4, keep}, bad = {4, (void *)BAD};
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(struct in_pktinfo))]; } c;
	size_t size = sizeof c.room;
	int s = family(AF_INET, SOCK_DGRAM, &a, &n), t = socket(AF_INET, SOCK_DGRAM, 0), one = 1, got;
	outcome("filter", setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof p));
	outcome("bad filter", setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, &bad, sizeof bad));
	CHECK(setsockopt(s, SOL_IP, IP_PKTINFO, &one, 4) == 0 && connect(t, (struct sockaddr *)&a, n) == 0);
	quietly("dropped", send(t, "dropped", 7, 0));
	quietly("kept", send(t, "kept", 4, 0));
	outcome("receive", message(s, 0, buf, 100, &c, &size, 0, &got));
	SHOW(size), SHOW(c.h.cmsg_type), SHOW(((struct in_pktinfo *)CMSG_DATA(&c.h))->ipi_addr.s_addr == htonl(INADDR_LOOPBACK));
	CHECK(close(s) == 0);
	quietly("to nobody", send(t, "x", 1, 0));
	outcome("refused", recv(t, buf, 1, 0));
	CHECK(close(t) == 0);
}

// links asks the kernel for lo by netlink.
static void links(void) {
	struct { struct nlmsghdr h; struct ifinfomsg i; } q = {{sizeof q, RTM_GETLINK, NLM_F_REQUEST, 7, 0}, {.ifi_index = 1}};
	struct sockaddr_nl a = {.nl_family = AF_NETLINK};
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	outcome("bind", bind(s, (struct sockaddr *)&a, sizeof a));
	outcome("ask", sendto(s, &q, sizeof q, 0, (struct sockaddr *)&a, sizeof a));
	long n = recv(s, buf, sizeof buf, 0);
	struct nlmsghdr *h = (struct nlmsghdr *)buf;
	SHOW(n > 0), SHOW(h->nlmsg_type), SHOW(h->nlmsg_seq), SHOW(((struct ifinfomsg *)(h + 1))->ifi_index);
	CHECK(close(s) == 0);
}

// abstract names have no file, and are chosen by the kernel if they are empty.
static void abstract(void) {
	struct sockaddr_un a = {AF_UNIX, ""};
	socklen_t n = sizeof a;
	int s = socket(AF_UNIX, SOCK_SEQPACKET, 0), t = socket(AF_UNIX, SOCK_SEQPACKET, 0), u = socket(AF_UNIX, SOCK_STREAM, 0);
	outcome("bind", bind(s, (struct sockaddr *)&a, sizeof(sa_family_t)));
	outcome("name", getsockname(s, (struct sockaddr *)&a, &n));
	SHOW(n), SHOW(a.sun_path[0]);
	CHECK(listen(s, 1) == 0);
	outcome("connect", connect(t, (struct sockaddr *)&a, n));
	outcome("of another type", connect(u, (struct sockaddr *)&a, n));
	int e = accept(s, NULL, NULL);
	outcome("packet", send(e, "packet", 6, 0));
	outcome("packet", recv(t, buf, 100, 0));
	CHECK(close(e) == 0 && close(s) == 0 && close(t) == 0 && close(u) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	do {
		int s[2];
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
		passing(s);
		credentials(s);
		CHECK(close(s[0]) == 0 && close(s[1]) == 0);
		borders(SOCK_STREAM);
		borders(SOCK_DGRAM);
		borders(SOCK_SEQPACKET);
		abstract();
		streams(AF_INET);
		streams(AF_INET6);
		datagrams();
		links();
	} while (again());
	return done("socketkinds");
}
