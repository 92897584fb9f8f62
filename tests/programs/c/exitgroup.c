// A thread that is not the first one ends the program, whatever the others do.
// flags: -pthread
// exit: 7
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

static sem_t never;
static int ends[2];
static volatile int leaver;

static void at_exit(void) {
	CHECK(gettid() == leaver);
	done("exitgroup");
}

static void *reads(void *arg) {
	char c;
	CHECK(read(ends[0], &c, 1) == 99);
	return arg;
}

static void *waits(void *arg) {
	for (;;)
		CHECK(sem_wait(&never) == 0 || errno == EINTR);
	return arg;
}

static void *computes(void *arg) {
	for (volatile uint32_t x = 1;;)
		x = spin(x);
	return arg;
}

static void *leaves(void *arg) {
	volatile uint32_t x = 1;
	do
		x = spin(x);
	while (going());
	leaver = gettid();
	CHECK(leaver != getpid());
	exit(7);
	return arg;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	void *(*all[])(void *) = {reads, waits, computes, leaves};
	pthread_t t[4];
	CHECK(pipe(ends) == 0 && sem_init(&never, 0, 0) == 0 && atexit(at_exit) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, all[i], NULL) == 0);
	CHECK(pthread_join(t[0], NULL) == 99);
	return 1;
}
