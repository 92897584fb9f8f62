// A signal to one thread comes to it and no other, now or when it unblocks it.
// build: dynamic musl
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

enum { THREADS = 3 };
static sem_t ready, handled, go[THREADS], checked;
static volatile struct { int tid, seen, now, late; } slot[THREADS];
static volatile int over;
static __thread int me;

static void on_now(int sig) {
	(void)sig;
	slot[me].seen = gettid();
	slot[me].now++;
	sem_post(&handled);
}

static void on_late(int sig) { (void)sig; slot[me].late++; }

static void take(sem_t *s) {
	while (sem_wait(s))
		CHECK(errno == EINTR);
}

// work computes, sleeps or waits until it may go on, and then lets SIGUSR2 in.
static void *work(void *arg) {
	sigset_t usr2, pending;
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	me = (int)(intptr_t)arg;
	slot[me].tid = gettid();
	sem_post(&ready);
	for (volatile uint32_t x = 1;;) {
		while (me == 2 ? sem_wait(&go[me]) : sem_trywait(&go[me])) {
			CHECK(errno == EINTR || errno == EAGAIN);
			if (me == 0)
				x = spin(x);
			else if (me == 1)
				usleep(500);
		}
		if (over)
			return NULL;
		int late = slot[me].late;
		CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2));
		CHECK(pthread_sigmask(SIG_UNBLOCK, &usr2, NULL) == 0 && slot[me].late == late + 1);
		CHECK(pthread_sigmask(SIG_BLOCK, &usr2, NULL) == 0);
		CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR2));
		sem_post(&checked);
	}
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t[THREADS];
	sigset_t usr2, pending;
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	handle(SIGUSR1, on_now, 0);
	handle(SIGUSR2, on_late, 0);
	CHECK(pthread_sigmask(SIG_BLOCK, &usr2, NULL) == 0);
	CHECK(sem_init(&ready, 0, 0) == 0 && sem_init(&handled, 0, 0) == 0 && sem_init(&checked, 0, 0) == 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK(sem_init(&go[i], 0, 0) == 0);
		CHECK(pthread_create(&t[i], NULL, work, (void *)(intptr_t)i) == 0);
		take(&ready);
	}
	int n = 0;
	volatile uint32_t x = 1;
	do {
		for (int i = 0; i < THREADS; i++) {
			CHECK(pthread_kill(t[i], SIGUSR1) == 0);
			take(&handled);
			CHECK(slot[i].seen == slot[i].tid);
			for (int j = 0; j < THREADS; j++)
				CHECK(slot[j].now == n + (j <= i));
		}
		for (int i = 0; i < THREADS; i++) {
			CHECK(pthread_kill(t[i], SIGUSR2) == 0 && pthread_kill(t[i], SIGUSR2) == 0);
			CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR2));
			x = spin(x);
			CHECK(slot[i].late == n);
			sem_post(&go[i]);
			take(&checked);
			CHECK(slot[i].late == n + 1);
		}
		n++;
	} while (going());
	over = 1;
	for (int i = 0; i < THREADS; i++) {
		sem_post(&go[i]);
		CHECK(pthread_join(t[i], NULL) == 0);
	}
	return done("pthreadkill");
}
