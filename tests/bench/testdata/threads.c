// Threads that compute, or that hand a turn to each other; prints how long that took, in ns.
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_barrier_t begin;
static atomic_int turn;
static int rounds;

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *compute(void *arg) {
	volatile uint32_t x = 1;
	pthread_barrier_wait(&begin);
	for (long i = 0; i < rounds * 1000000L; i++)
		x = x * 1664525 + 1013904223;
	return arg;
}

static void *alternate(void *arg) {
	int mine = arg != NULL;
	pthread_barrier_wait(&begin);
	for (int i = 0; i < rounds * 1000; i++) {
		while (atomic_load(&turn) != mine)
			syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !mine, NULL, NULL, 0);
		atomic_store(&turn, !mine);
		syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	return arg;
}

// one CPU: two threads that alternate share it, as they would at home.
static void one_cpu(void) {
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof set, &set);
}

int main(int argc, char **argv) {
	int futex = argc > 2 && strcmp(argv[1], "futex") == 0, threads = futex ? 2 : 8;
	rounds = argc > 2 ? atoi(argv[2]) : 1;
	if (futex)
		one_cpu();
	usleep(300000); // whoever is to move it has done so
	pthread_barrier_init(&begin, NULL, threads + 1);
	pthread_t t[8];
	for (long i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, futex ? alternate : compute, (void *)i);
	pthread_barrier_wait(&begin);
	int64_t start = now();
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	printf("%lld\n", (long long)(now() - start));
	return 0;
}
