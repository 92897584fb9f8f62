// The time of day, asked for in every way: it agrees with the times of files and with
// itself, is never set back, and waits until one of its moments end then.
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

static int64_t ns(struct timespec t) { return t.tv_sec * 1000000000LL + t.tv_nsec; }
static int64_t us(struct timeval t) { return (t.tv_sec * 1000000LL + t.tv_usec) * 1000; }

// exact and coarse are the latest that the program has been told by either kind of clock.
// Coarse ones stand still between two ticks, which come late on a busy machine.
static int64_t exact, coarse;

static void told_exactly(int64_t t, int64_t unit) {
	CHECK(t + unit > exact && t + unit > coarse);
	if (t > exact)
		exact = t;
}

static void told_coarsely(int64_t t, int64_t unit) {
	CHECK(t + unit > coarse && t + unit + 1000000000 > exact);
	if (t > coarse)
		coarse = t;
}

// ask asks in one of eight ways: no clock is ever set back.
static void ask(int way) {
	struct timespec t;
	struct timeval v;
	time_t s, s2;
	switch (way) {
	case 0: CHECK(clock_gettime(CLOCK_REALTIME, &t) == 0); return told_exactly(ns(t), 1);
	case 1: CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME, &t) == 0); return told_exactly(ns(t), 1);
	case 2: CHECK(gettimeofday(&v, NULL) == 0); return told_exactly(us(v), 1000);
	case 3: CHECK(syscall(SYS_gettimeofday, &v, NULL) == 0); return told_exactly(us(v), 1000);
	case 4: s = time(&s2); CHECK(s == s2); return told_coarsely(s * 1000000000LL, 1000000000);
	case 5: s = syscall(SYS_time, &s2); CHECK(s == s2); return told_coarsely(s * 1000000000LL, 1000000000);
	case 6: CHECK(clock_gettime(CLOCK_REALTIME_COARSE, &t) == 0); return told_coarsely(ns(t), 1);
	case 7: CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &t) == 0); return told_coarsely(ns(t), 1);
	}
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t c = PTHREAD_COND_INITIALIZER;
	sem_t sem;
	CHECK(sem_init(&sem, 0, 0) == 0);
	FAILS(syscall(SYS_clock_gettime, CLOCK_REALTIME, (void *)8), EFAULT);
	FAILS(syscall(SYS_gettimeofday, (void *)8, NULL), EFAULT);
	do {
		for (int way = 0; way < 8; way++)
			ask(way);
		int fd = open("wallclock.file", O_CREAT | O_WRONLY | O_TRUNC, 0600);
		struct stat st;
		CHECK(fd >= 0 && write(fd, "x", 1) == 1 && fstat(fd, &st) == 0 && close(fd) == 0);
		CHECK(ns(st.st_mtim) + 1000000000 > exact); // of a file: coarse, or better
		ask(0);
		CHECK(exact >= ns(st.st_mtim));
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		int64_t start = clock_ms();
		if ((until.tv_nsec += 20000000) >= 1000000000)
			until.tv_sec++, until.tv_nsec -= 1000000000;
		switch (exact / 1000 % 4) {
		case 0:
			pthread_mutex_lock(&m);
			CHECK(pthread_cond_timedwait(&c, &m, &until) == ETIMEDOUT);
			pthread_mutex_unlock(&m);
			break;
		case 1: FAILS(sem_timedwait(&sem, &until), ETIMEDOUT); break;
		case 2: CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == 0); break;
		case 3: {
			struct timespec unchanged = until;
			uint32_t word = 1;
			FAILS(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &until, NULL, 1), ETIMEDOUT);
			CHECK(ns(unchanged) == ns(until));
		}
		}
		CHECK(on_time(start, 20));
		ask(1);
		CHECK(exact >= ns(until));
		unlink("wallclock.file");
	} while (going());
	return done("wallclock");
}
