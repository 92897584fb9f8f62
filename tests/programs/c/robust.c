// A robust mutex whose owner exits: the next one is told, and may repair it or not.
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

static pthread_mutex_t lock;
static sem_t taken;

static void create(void) {
	pthread_mutexattr_t a;
	CHECK(pthread_mutexattr_init(&a) == 0 && pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST) == 0);
	CHECK(pthread_mutex_init(&lock, &a) == 0 && pthread_mutexattr_destroy(&a) == 0);
}

// leave takes the mutex and ends with it.
static void *leave(void *arg) {
	CHECK(pthread_mutex_lock(&lock) == 0);
	CHECK(sem_post(&taken) == 0);
	volatile uint32_t x = spin(1);
	(void)x;
	pthread_exit(arg);
}

// inherit gets the mutex from a thread that ended with it, or ends while this waits.
static void inherit(int early) {
	pthread_t t;
	void *value;
	CHECK(pthread_create(&t, NULL, leave, &lock) == 0);
	CHECK(sem_wait(&taken) == 0);
	if (early)
		CHECK(pthread_mutex_lock(&lock) == EOWNERDEAD);
	CHECK(pthread_join(t, &value) == 0 && value == &lock);
	if (!early)
		CHECK(pthread_mutex_lock(&lock) == EOWNERDEAD);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	CHECK(sem_init(&taken, 0, 0) == 0);
	do {
		create();
		for (int early = 0; early < 2; early++) {
			inherit(early);
			CHECK(pthread_mutex_consistent(&lock) == 0 && pthread_mutex_unlock(&lock) == 0);
			CHECK(pthread_mutex_lock(&lock) == 0 && pthread_mutex_unlock(&lock) == 0);
		}
		inherit(0);
		CHECK(pthread_mutex_unlock(&lock) == 0); // as it is: nobody can have it again
		CHECK(pthread_mutex_lock(&lock) == ENOTRECOVERABLE);
		CHECK(pthread_mutex_destroy(&lock) == 0);
	} while (going());
	return done("robust");
}
