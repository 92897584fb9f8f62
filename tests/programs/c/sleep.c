// Sleeps end on time, relative and absolute, and an interrupted one tells the rest;
// the monotonic clock never goes back.
// build: dynamic static musl
#include "guest.h"
#include <sys/time.h>

static void nothing(int sig) { (void)sig; }

int main(int argc, char **argv) {
	begin(argc, argv);
	handle(SIGALRM, nothing, 0);
	struct timespec last = {0, 0}, t;
	do {
		for (int ms = 1; ms <= 41; ms += 20) {
			int64_t start = clock_ms();
			struct timespec nap = {0, ms * 1000000};
			CHECK(nanosleep(&nap, NULL) == 0 && on_time(start, ms));
			clock_gettime(CLOCK_MONOTONIC, &t);
			CHECK(t.tv_sec > last.tv_sec || (t.tv_sec == last.tv_sec && t.tv_nsec >= last.tv_nsec));
			last = t;
		}
		int64_t start = clock_ms();
		clock_gettime(CLOCK_MONOTONIC, &t);
		t.tv_nsec += 30 * 1000000;
		if (t.tv_nsec >= 1000000000)
			t.tv_sec++, t.tv_nsec -= 1000000000;
		CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0 && on_time(start, 29));
		struct itimerval every = {{0, 25000}, {0, 25000}}, never = {{0, 0}, {0, 0}};
		struct timespec nap = {5, 0}, left = {0, 0};
		setitimer(ITIMER_REAL, &every, NULL);
		FAILS(nanosleep(&nap, &left), EINTR);
		setitimer(ITIMER_REAL, &never, NULL);
		CHECK(left.tv_sec == 4);
	} while (going());
	return done("sleep");
}
