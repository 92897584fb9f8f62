// A mutex with priority inheritance keeps a count of four threads right.
// flags: -pthread
#include "guest.h"
#include <pthread.h>

enum { THREADS = 4 };
static pthread_mutex_t lock;
static volatile long total;

static void *work(void *arg) {
	long mine = 0;
	volatile uint32_t x = 1;
	(void)arg;
	do {
		CHECK(pthread_mutex_lock(&lock) == 0);
		long before = total;
		if (mine % 64 == 0)
			x = spin(x); // so that the others have to wait
		total = before + 1;
		CHECK(pthread_mutex_unlock(&lock) == 0);
		mine++;
	} while (going());
	return (void *)mine;
}

static void *attempt(void *arg) {
	CHECK(pthread_mutex_trylock(&lock) == EBUSY);
	return arg;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_mutexattr_t a;
	pthread_t t[THREADS], other;
	long sum = 0;
	CHECK(pthread_mutexattr_init(&a) == 0 && pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT) == 0);
	CHECK(pthread_mutex_init(&lock, &a) == 0);
	CHECK(pthread_mutex_lock(&lock) == 0);
	CHECK(pthread_create(&other, NULL, attempt, NULL) == 0 && pthread_join(other, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, work, NULL) == 0);
	usleep(2000);
	CHECK(total == 0 && pthread_mutex_unlock(&lock) == 0);
	for (int i = 0; i < THREADS; i++) {
		void *mine;
		CHECK(pthread_join(t[i], &mine) == 0);
		sum += (long)mine;
	}
	CHECK(sum == total && sum >= THREADS && pthread_mutex_trylock(&lock) == 0);
	CHECK(pthread_mutex_unlock(&lock) == 0 && pthread_mutex_destroy(&lock) == 0);
	return done("pimutex");
}
