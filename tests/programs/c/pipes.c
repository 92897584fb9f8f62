// A pipe to itself: order, capacity, O_NONBLOCK, FIONREAD, EPIPE and end of file.
// build: dynamic static
#include "guest.h"
#include <sys/ioctl.h>

static volatile int broken;
static void on_pipe(int sig) { (void)sig; broken++; }

int main(int argc, char **argv) {
	begin(argc, argv);
	static char buf[65536];
	do {
		int p[2], n = 0;
		CHECK(pipe2(p, O_NONBLOCK | O_CLOEXEC) == 0);
		FAILS(read(p[0], buf, 10), EAGAIN);
		CHECK(fcntl(p[1], F_SETPIPE_SZ, 65536) == 65536 && fcntl(p[1], F_GETPIPE_SZ) == 65536);
		for (int i = 0; i < 65536; i++)
			buf[i] = i % 251;
		CHECK(write(p[1], buf, 65536) == 65536);
		FAILS(write(p[1], buf, 1), EAGAIN);
		CHECK(ioctl(p[0], FIONREAD, &n) == 0 && n == 65536);
		memset(buf, 0, sizeof buf);
		CHECK(read(p[0], buf, 1000) == 1000 && buf[999] == (char)(999 % 251));
		CHECK(read(p[0], buf, 65536) == 64536 && buf[64535] == (char)(65535 % 251));
		CHECK(write(p[1], "tail", 4) == 4 && close(p[1]) == 0);
		CHECK(read(p[0], buf, 9) == 4 && read(p[0], buf, 9) == 0 && close(p[0]) == 0);
		CHECK(pipe(p) == 0 && close(p[0]) == 0);
		handle(SIGPIPE, on_pipe, 0);
		broken = 0;
		FAILS(write(p[1], "x", 1), EPIPE);
		CHECK(broken == 1);
		handle(SIGPIPE, SIG_IGN, 0);
		FAILS(write(p[1], "x", 1), EPIPE);
		CHECK(close(p[1]) == 0);
	} while (going());
	return done("pipes");
}
