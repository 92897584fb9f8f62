// Threads that wait in calls are cancelled: their cleanup runs and join tells it.
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

enum { READ, SLEEP, COND, SEM, THREADS };
static sem_t ready, never;
static int ends[2];
static pthread_mutex_t lock;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile int cleaned[THREADS];

static void cleanup(void *arg) {
	int me = (int)(intptr_t)arg;
	if (me == COND)
		CHECK(pthread_mutex_unlock(&lock) == 0); // it is held again
	cleaned[me] = gettid();
}

static void blocked(int me) {
	struct timespec t = {60, 0};
	char c;
	if (me == READ)
		CHECK(read(ends[0], &c, 1) == 99);
	else if (me == SLEEP)
		CHECK(nanosleep(&t, NULL) == 99);
	else if (me == SEM)
		CHECK(sem_wait(&never) == 99);
	else
		for (;;)
			CHECK(pthread_cond_wait(&cond, &lock) == 0);
}

static void *work(void *arg) {
	int me = (int)(intptr_t)arg;
	if (me == COND)
		CHECK(pthread_mutex_lock(&lock) == 0);
	pthread_cleanup_push(cleanup, arg);
	sem_post(&ready);
	blocked(me);
	pthread_cleanup_pop(0);
	return NULL;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_mutexattr_t a;
	CHECK(pthread_mutexattr_init(&a) == 0 && pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK) == 0);
	CHECK(pthread_mutex_init(&lock, &a) == 0 && pipe(ends) == 0);
	CHECK(sem_init(&ready, 0, 0) == 0 && sem_init(&never, 0, 0) == 0);
	do {
		pthread_t t[THREADS];
		for (int i = 0; i < THREADS; i++) {
			cleaned[i] = 0;
			CHECK(pthread_create(&t[i], NULL, work, (void *)(intptr_t)i) == 0);
			CHECK(sem_wait(&ready) == 0);
		}
		usleep(2000);
		for (int i = 0; i < THREADS; i++) {
			void *value = NULL;
			CHECK(!cleaned[i] && pthread_cancel(t[i]) == 0);
			CHECK(pthread_join(t[i], &value) == 0 && value == PTHREAD_CANCELED);
			CHECK(cleaned[i] && cleaned[i] != gettid());
		}
		CHECK(pthread_mutex_lock(&lock) == 0 && pthread_mutex_unlock(&lock) == 0);
	} while (going());
	return done("cancel");
}
