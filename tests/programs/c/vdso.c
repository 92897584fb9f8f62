// Clocks by the vdso and by system calls tell one story, and never go back.
// build: dynamic static musl
#include "guest.h"
#include <sched.h>
#include <sys/syscall.h>
#include <sys/time.h>

static int64_t ns(struct timespec t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }

int main(int argc, char **argv) {
	begin(argc, argv);
	static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME, CLOCK_MONOTONIC_RAW};
	int64_t last[4] = {0};
	do {
		for (int i = 0; i < 4; i++) {
			struct timespec a, b, c;
			CHECK(clock_gettime(clocks[i], &a) == 0);
			CHECK(syscall(SYS_clock_gettime, clocks[i], &b) == 0);
			CHECK(clock_gettime(clocks[i], &c) == 0);
			if (clocks[i] != CLOCK_REALTIME)
				CHECK(last[i] <= ns(a) && ns(a) <= ns(b) && ns(b) <= ns(c));
			CHECK(last[i] == 0 || ns(a) - last[i] < 30 * 1000000000LL);
			last[i] = ns(c);
		}
		struct timeval v;
		time_t t = time(NULL);
		CHECK(gettimeofday(&v, NULL) == 0 && v.tv_sec - t >= 0 && v.tv_sec - t <= 2);
		struct timespec r;
		CHECK(clock_getres(CLOCK_MONOTONIC, &r) == 0 && r.tv_sec == 0);
		int cpu = sched_getcpu();
		CHECK(cpu >= 0 && cpu < 4096);
	} while (going());
	return done("vdso");
}
