// Each thread takes its signals on an alternate stack of its own.
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

enum { THREADS = 3, SIZE = 65536 };
static char stacks[THREADS][SIZE];
static volatile int handled[THREADS], over;
static volatile uint32_t sink; // keeps what is computed
static sem_t ready, taken, go;
static __thread int me;

static int within(const void *p) {
	return (uintptr_t)p >= (uintptr_t)stacks[me] && (uintptr_t)p < (uintptr_t)stacks[me] + SIZE;
}

static void on_signal(int sig) {
	volatile char local[256];
	stack_t now;
	for (size_t i = 0; i < sizeof local; i++)
		local[i] = sig + me;
	CHECK(within((const void *)local) && within((const void *)&local[255]));
	CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_ONSTACK && now.ss_sp == stacks[me]);
	handled[me]++;
	sem_post(&taken);
}

// work computes, sleeps or waits, with its own locals on its own stack.
static void *work(void *arg) {
	me = (int)(intptr_t)arg;
	stack_t mine = {.ss_sp = stacks[me], .ss_size = SIZE}, now;
	volatile uint32_t local[64];
	CHECK(sigaltstack(&mine, NULL) == 0);
	sem_post(&ready);
	for (uint32_t x = me + 1; !over; ) {
		for (int i = 0; i < 64; i++)
			local[i] = x + i;
		CHECK(!within((const void *)local));
		if (me == 0)
			sink = spin(x);
		else if (me == 1)
			usleep(500);
		else
			CHECK(sem_wait(&go) == 0 || errno == EINTR);
		for (int i = 0; i < 64; i++)
			CHECK(local[i] == x + i);
		x += 64;
	}
	CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == 0 && now.ss_sp == stacks[me] && now.ss_size == SIZE);
	return NULL;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t[THREADS];
	handle(SIGUSR1, on_signal, SA_ONSTACK);
	CHECK(sem_init(&ready, 0, 0) == 0 && sem_init(&taken, 0, 0) == 0 && sem_init(&go, 0, 0) == 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_create(&t[i], NULL, work, (void *)(intptr_t)i) == 0);
		CHECK(sem_wait(&ready) == 0);
	}
	int n = 0;
	volatile uint32_t x = 1;
	do {
		n++;
		for (int i = 0; i < THREADS; i++)
			CHECK(pthread_kill(t[i], SIGUSR1) == 0);
		for (int i = 0; i < THREADS; i++)
			CHECK(sem_wait(&taken) == 0);
		for (int i = 0; i < THREADS; i++)
			CHECK(handled[i] == n);
		x = spin(x);
	} while (going());
	over = 1;
	sem_post(&go);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	return done("altstacks");
}
