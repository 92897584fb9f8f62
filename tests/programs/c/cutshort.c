// A signal that is ignored cuts no transfer short: not one that waits for all, nor one
// that waits for room. A signal that is handled does.
// build: dynamic static
#include "guest.h"
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { SIZE = 1 << 20, HALF = SIZE / 2, WAYS = 6 };
static unsigned char buf[SIZE];
static volatile int handled;

static void on_signal(int sig) { handled += sig == SIGUSR2; }
static unsigned char at(long i) { return (unsigned char)(i * 13 + (i >> 9) * 3); }

// disturb sends its parent signals that it ignores, or one that it handles: then it waits
// until that has cut the transfer short.
static void disturb(int handles, int told) {
	char c;
	for (int i = 0; i < 5; i++) {
		usleep(1000);
		kill(getppid(), i % 2 ? SIGWINCH : SIGUSR1);
	}
	if (handles && (kill(getppid(), SIGUSR2) != 0 || read(told, &c, 1) != 1))
		_exit(4);
}

// other is at the other end of a socket: it sends all, or receives all.
static int other(int fd, int receives, int handles, int told) {
	for (long n = 0; n < SIZE;) {
		long want = n < HALF ? HALF - n : SIZE - n;
		ssize_t got = receives ? recv(fd, buf + n, want, 0) : send(fd, buf + n, want, MSG_NOSIGNAL);
		if (got <= 0)
			return 2;
		for (long i = n; receives && i < n + got; i++)
			if (buf[i] != at(i))
				return 3;
		if ((n += got) == HALF)
			disturb(handles, told);
	}
	return 0;
}

static ssize_t transfer(int fd, int way, long from) {
	struct iovec v[2] = {{buf + from, 1000}, {buf + from + 1000, SIZE - from - 1000}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
	switch (way) {
	case 0: return recv(fd, buf + from, SIZE - from, MSG_WAITALL);
	case 1: return recvmsg(fd, &m, MSG_WAITALL);
	case 2: return write(fd, buf + from, SIZE - from);
	case 3: return writev(fd, v, 2);
	case 4: return send(fd, buf + from, SIZE - from, 0);
	}
	return sendmsg(fd, &m, 0);
}

static void round_trip(int way, int handles) {
	int p[2], tell[2], status, sends = way > 1;
	for (long i = 0; i < SIZE; i++)
		buf[i] = at(i);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 && pipe(tell) == 0);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		close(p[0]), close(tell[1]); // it ends if its parent does
		_exit(other(p[1], sends, handles, tell[0]));
	}
	CHECK(close(p[1]) == 0);
	if (!sends)
		memset(buf, 0, SIZE);
	ssize_t n = transfer(p[0], way, 0);
	if (handles) {
		CHECK(n > 0 && n < SIZE - 1000 && handled == 1); // the last of the first half may not be here yet
		CHECK(write(tell[1], "x", 1) == 1);
		n += transfer(p[0], way, n);
	}
	CHECK(n == SIZE);
	for (long i = 0; i < SIZE; i++)
		CHECK(buf[i] == at(i));
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(close(p[0]) == 0 && close(tell[0]) == 0 && close(tell[1]) == 0);
	handled = 0;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR && sigaction(SIGUSR2, &act, NULL) == 0);
	int n = 0;
	do
		round_trip(n % WAYS, n / WAYS % 2);
	while (++n % (2 * WAYS) || going());
	return done("cutshort");
}
