// Threads that hold their own state in registers, thread-local memory, masks and
// signal stacks while they are moved. The exit status is 0 or the check that failed.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define THREADS 4
#define CHECK(n, c) do { if (!(c)) _exit(n); } while (0)

static volatile int go;
static volatile long rounds[THREADS + 1], ready;
static __thread long self;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long total;

static void *run(void *arg) {
	self = (long)arg;
	uint64_t in[4] = {self, ~self, self * 3, 17}, out[4];
	stack_t alt = {.ss_sp = malloc(16384), .ss_size = 16384}, now;
	sigaltstack(&alt, NULL);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1 + (self & 1));
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	char name[16], wanted[16];
	snprintf(wanted, sizeof wanted, "thread %ld", self);
	prctl(PR_SET_NAME, wanted);
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	asm volatile("vmovdqu %2, %%ymm7\n1: pause; incq %3; cmpl $0, %1; je 1b; vmovdqu %%ymm7, %0"
		: "=m"(out) : "m"(go), "m"(in), "m"(rounds[self]) : "xmm7", "memory");
	CHECK(1, !memcmp(in, out, sizeof in) && self == (long)arg);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	CHECK(2, sigismember(&set, SIGUSR1 + (self & 1)) == 1 && sigismember(&set, SIGTERM) == 0);
	CHECK(3, sigaltstack(NULL, &now) == 0 && now.ss_sp == alt.ss_sp);
	CHECK(4, prctl(PR_GET_NAME, name) == 0 && !strcmp(name, wanted));
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&lock);
		total++;
		pthread_mutex_unlock(&lock);
	}
	return (void *)self;
}

int main(void) {
	pthread_t t[THREADS + 1];
	for (long i = 1; i <= THREADS; i++) CHECK(90, pthread_create(&t[i], NULL, run, (void *)i) == 0);
	while (ready < THREADS) usleep(100);
	printf("%p %p %d\n", (void *)&go, (void *)&rounds[0], getpid());
	fflush(stdout);
	while (!go) rounds[0]++;
	for (long i = 1; i <= THREADS; i++) {
		void *ret; // joining needs clear_child_tid
		CHECK(5, pthread_join(t[i], &ret) == 0 && ret == (void *)i);
	}
	CHECK(6, total == THREADS * 1000);
	_exit(0);
}
