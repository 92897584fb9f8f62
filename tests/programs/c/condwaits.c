// Waits of threads with a time limit end on time: two conditions, a semaphore, a mutex.
// build: dynamic musl
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

enum { MONOTONIC, REALTIME, SEM, MUTEX, THREADS };
static const int times[THREADS] = {20, 30, 40, 60};
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static sem_t never;

static struct timespec later(clockid_t clock, int ms) {
	struct timespec t;
	CHECK(clock_gettime(clock, &t) == 0);
	t.tv_nsec += ms * 1000000;
	if (t.tv_nsec >= 1000000000)
		t.tv_sec++, t.tv_nsec -= 1000000000;
	return t;
}

static void wait_cond(clockid_t clock, int ms) {
	pthread_condattr_t a;
	pthread_cond_t cond;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	CHECK(pthread_condattr_init(&a) == 0 && pthread_condattr_setclock(&a, clock) == 0);
	CHECK(pthread_cond_init(&cond, &a) == 0 && pthread_mutex_lock(&lock) == 0);
	struct timespec until = later(clock, ms);
	int result;
	while ((result = pthread_cond_timedwait(&cond, &lock, &until)) == 0)
		;
	CHECK(result == ETIMEDOUT && pthread_mutex_unlock(&lock) == 0);
	CHECK(pthread_cond_destroy(&cond) == 0 && pthread_mutex_destroy(&lock) == 0);
}

static void *work(void *arg) {
	int me = (int)(intptr_t)arg;
	do {
		int64_t start = clock_ms();
		struct timespec until = later(CLOCK_REALTIME, times[me]);
		if (me == MONOTONIC)
			wait_cond(CLOCK_MONOTONIC, times[me]);
		else if (me == REALTIME)
			wait_cond(CLOCK_REALTIME, times[me]);
		else if (me == MUTEX)
			CHECK(pthread_mutex_timedlock(&held, &until) == ETIMEDOUT);
		else {
			while (sem_timedwait(&never, &until) != 0 && errno == EINTR)
				;
			CHECK(errno == ETIMEDOUT);
		}
		CHECK(on_time(start, times[me]));
	} while (going());
	return NULL;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t[THREADS];
	CHECK(sem_init(&never, 0, 0) == 0 && pthread_mutex_lock(&held) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, work, (void *)(intptr_t)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	CHECK(pthread_mutex_unlock(&held) == 0);
	return done("condwaits");
}
