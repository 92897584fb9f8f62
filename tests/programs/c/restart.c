// A handler during read(2) from a pipe: EINTR without SA_RESTART, and with it the
// read goes on until the handler's byte is there.
// build: dynamic musl
#include "guest.h"
#include <sys/time.h>

static int ends[2];
static volatile int calls;
static void interrupt(int sig) { (void)sig; calls++; }
static void feed(int sig) {
	(void)sig;
	if (++calls == 3)
		CHECK(write(ends[1], "x", 1) == 1);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	CHECK(pipe(ends) == 0);
	struct itimerval every = {{0, 15000}, {0, 15000}}, never = {{0, 0}, {0, 0}};
	do {
		char c = 0;
		calls = 0;
		handle(SIGALRM, interrupt, 0);
		setitimer(ITIMER_REAL, &every, NULL);
		FAILS(read(ends[0], &c, 1), EINTR);
		CHECK(calls >= 1);
		setitimer(ITIMER_REAL, &never, NULL);
		calls = 0;
		handle(SIGALRM, feed, SA_RESTART);
		setitimer(ITIMER_REAL, &every, NULL);
		CHECK(read(ends[0], &c, 1) == 1 && c == 'x' && calls >= 3);
		setitimer(ITIMER_REAL, &never, NULL);
	} while (going());
	return done("restart");
}
