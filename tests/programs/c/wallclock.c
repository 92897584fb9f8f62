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

// now asks in one of eight ways; coarse ones are up to `behind` ns late.
static int64_t now(int way, int64_t *behind) {
	struct timespec t;
	struct timeval v;
	time_t s, s2;
	*behind = 0;
	switch (way) {
	case 0: CHECK(clock_gettime(CLOCK_REALTIME, &t) == 0); return ns(t);
	case 1: CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME, &t) == 0); return ns(t);
	case 2: CHECK(gettimeofday(&v, NULL) == 0); *behind = 1000; return us(v);
	case 3: CHECK(syscall(SYS_gettimeofday, &v, NULL) == 0); *behind = 1000; return us(v);
	case 4: *behind = 1010000000; s = time(&s2); CHECK(s == s2); return s * 1000000000LL;
	case 5: *behind = 1010000000; s = syscall(SYS_time, &s2); CHECK(s == s2); return s * 1000000000LL;
	case 6: *behind = 10000000; CHECK(clock_gettime(CLOCK_REALTIME_COARSE, &t) == 0); return ns(t);
	}
	*behind = 10000000;
	CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &t) == 0);
	return ns(t);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int64_t last = 0, behind;
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t c = PTHREAD_COND_INITIALIZER;
	sem_t sem;
	CHECK(sem_init(&sem, 0, 0) == 0);
	FAILS(syscall(SYS_clock_gettime, CLOCK_REALTIME, (void *)8), EFAULT);
	FAILS(syscall(SYS_gettimeofday, (void *)8, NULL), EFAULT);
	do {
		for (int way = 0; way < 8; way++) {
			int64_t t = now(way, &behind);
			CHECK(t + behind >= last); // never set back
			if (t > last)
				last = t;
		}
		int fd = open("wallclock.file", O_CREAT | O_WRONLY | O_TRUNC, 0600);
		struct stat st;
		CHECK(fd >= 0 && write(fd, "x", 1) == 1 && fstat(fd, &st) == 0 && close(fd) == 0);
		CHECK(ns(st.st_mtim) + 10000000 >= last); // of a file: up to a tick late
		int64_t after = now(0, &behind);
		CHECK(after >= ns(st.st_mtim));
		last = after;
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		int64_t start = clock_ms();
		if ((until.tv_nsec += 20000000) >= 1000000000)
			until.tv_sec++, until.tv_nsec -= 1000000000;
		switch (after / 1000 % 4) {
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
		CHECK(now(0, &behind) >= ns(until));
		unlink("wallclock.file");
	} while (going());
	return done("wallclock");
}
