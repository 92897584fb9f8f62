// Threads wait each in a call of its own, and each is woken by its own cause.
// build: dynamic musl
// flags: -pthread
#include "guest.h"
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>

enum { READ, SLEEP, SEM, POLL, THREADS };
static sem_t start[THREADS], ended[THREADS], handled, word;
static int bytes[2], polled[2];
static volatile int awake[THREADS], over;

static void on_signal(int sig) { (void)sig; sem_post(&handled); }

static void take(sem_t *s) {
	while (sem_wait(s))
		CHECK(errno == EINTR);
}

// blocked waits once and says what ended it.
static const char *blocked(int me, int late) {
	struct timespec t = {60, 0};
	struct pollfd p = {.fd = polled[0], .events = POLLIN};
	char c = 0;
	switch (me) {
	case READ:
		CHECK(read(bytes[0], &c, 1) == 1 && c == 'r');
		return "read: a byte";
	case SLEEP:
		FAILS(nanosleep(&t, &t), EINTR);
		return "nanosleep: a signal";
	case SEM:
		CHECK(sem_wait(&word) == 0);
		return "sem_wait: a post";
	}
	if (late) {
		CHECK(poll(&p, 1, 10) == 0);
		return "poll: the time";
	}
	CHECK(poll(&p, 1, 60000) == 1 && p.revents == POLLIN && read(polled[0], &c, 1) == 1 && c == 'p');
	return "poll: data";
}

static void *work(void *arg) {
	int me = (int)(intptr_t)arg;
	for (int round = 0;; round++) {
		take(&start[me]);
		if (over)
			return NULL;
		const char *what = blocked(me, round % 2);
		awake[me] = 1;
		if (round < 2 && (me == POLL || round == 0))
			puts(what);
		sem_post(&ended[me]);
	}
}

// wake wakes thread i and waits for its end; a signal is sent again if it came too early.
static void wake(pthread_t t, int i, int late) {
	if (i == READ)
		CHECK(write(bytes[1], "r", 1) == 1);
	else if (i == SEM)
		CHECK(sem_post(&word) == 0);
	else if (i == POLL && !late)
		CHECK(write(polled[1], "p", 1) == 1);
	while (i == SLEEP && !awake[i]) {
		CHECK(pthread_kill(t, SIGUSR1) == 0);
		take(&handled);
		usleep(2000);
	}
	take(&ended[i]);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t[THREADS];
	CHECK(pipe(bytes) == 0 && pipe(polled) == 0 && sem_init(&handled, 0, 0) == 0 && sem_init(&word, 0, 0) == 0);
	handle(SIGUSR1, on_signal, 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK(sem_init(&start[i], 0, 0) == 0 && sem_init(&ended[i], 0, 0) == 0);
		CHECK(pthread_create(&t[i], NULL, work, (void *)(intptr_t)i) == 0);
	}
	volatile uint32_t x = 1;
	int round = 0;
	do {
		for (int i = 0; i < THREADS; i++)
			awake[i] = 0, sem_post(&start[i]);
		x = spin(spin(x));
		for (int i = 0; i < THREADS; i++) {
			CHECK(!awake[i] || (i == POLL && round % 2));
			wake(t[i], i, round % 2);
		}
	} while (++round < 2 || going());
	over = 1;
	for (int i = 0; i < THREADS; i++) {
		sem_post(&start[i]);
		CHECK(pthread_join(t[i], NULL) == 0);
	}
	return done("blockers");
}
