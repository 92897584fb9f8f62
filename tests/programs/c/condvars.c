// Threads pass a turn round by a mutex and condition variables, signal and broadcast.
// build: dynamic musl
// flags: -pthread
#include "guest.h"
#include <pthread.h>

enum { THREADS = 4 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all = PTHREAD_COND_INITIALIZER, own[THREADS];
static int turn, over;
static long total;

// work takes its turns: odd ones come by a signal to it alone, even ones by a
// broadcast to all. The first thread ends the last round, before anyone counts it.
static void *work(void *arg) {
	int me = (int)(intptr_t)arg, next = (me + 1) % THREADS;
	long mine = 0;
	CHECK(pthread_mutex_lock(&lock) == 0);
	for (;;) {
		while (turn != me)
			CHECK(pthread_cond_wait(mine % 2 ? &own[me] : &all, &lock) == 0);
		if (me == 0 && mine > 0 && !going())
			over = 1;
		long its = mine + (next == 0); // the turns that the next thread had
		if (!over) {
			CHECK(total == mine * THREADS + me);
			total++, mine++;
		}
		turn = next;
		CHECK((its % 2 ? pthread_cond_signal(&own[next]) : pthread_cond_broadcast(&all)) == 0);
		if (over)
			break;
	}
	CHECK(pthread_mutex_unlock(&lock) == 0);
	return (void *)mine;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t[THREADS];
	long rounds[THREADS];
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_cond_init(&own[i], NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, work, (void *)(intptr_t)i) == 0);
	for (int i = 0; i < THREADS; i++) {
		void *mine;
		CHECK(pthread_join(t[i], &mine) == 0);
		rounds[i] = (long)mine;
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(rounds[i] == rounds[0]);
	CHECK(rounds[0] >= 1 && total == rounds[0] * THREADS);
	return done("condvars");
}
