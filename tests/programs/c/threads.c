// Threads that count together under a lock and wait for each other.
// flags: -pthread
#include "guest.h"
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long total;

static void *work(void *arg) {
	long mine = 0;
	(void)arg;
	do {
		pthread_mutex_lock(&lock);
		total++;
		pthread_mutex_unlock(&lock);
		mine++;
	} while (going());
	return (void *)mine;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t[4];
	long sum = 0;
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, work, NULL) == 0);
	for (int i = 0; i < 4; i++) {
		void *mine;
		CHECK(pthread_join(t[i], &mine) == 0);
		sum += (long)mine;
	}
	CHECK(sum == total && sum >= 4);
	return done("threads");
}
