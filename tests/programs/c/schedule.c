// Niceness, affinity, scheduling policy, yielding and processor time.
#include "guest.h"
#include <sched.h>
#include <sys/resource.h>
#include <sys/times.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	cpu_set_t first, now;
	CHECK(sched_getaffinity(0, sizeof first, &first) == 0 && CPU_COUNT(&first) >= 1);
	CHECK(setpriority(PRIO_PROCESS, 0, 5) == 0);
	int64_t last = 0;
	uint32_t x = 1;
	do {
		x = spin(x);
		CHECK(getpriority(PRIO_PROCESS, 0) == 5 && sched_getscheduler(0) == SCHED_OTHER && sched_yield() == 0);
		CHECK(sched_getaffinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&first, &now));
		struct rusage u;
		CHECK(getrusage(RUSAGE_SELF, &u) == 0);
		int64_t cpu = u.ru_utime.tv_sec * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_sec * 1000000LL + u.ru_stime.tv_usec;
		CHECK(cpu >= last);
		last = cpu;
	} while (going());
	CHECK(last > 0);
	return done("schedule");
}
