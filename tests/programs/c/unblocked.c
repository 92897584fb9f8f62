// A signal to the process goes to the only thread that does not block it, asleep.
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

enum { SLEEP, PAUSE, READ, RESTARTED, WAYS };
static sem_t start, handled, ended;
static volatile int seen, worker, over;
static int ends[2];
static sigset_t usr1;

static void on_signal(int sig) {
	(void)sig;
	seen = gettid();
	sem_post(&handled);
}

static void take(sem_t *s) {
	while (sem_wait(s))
		CHECK(errno == EINTR);
}

// soon: s can be taken within some milliseconds.
static int soon(sem_t *s) {
	for (int i = 0; i < 20; i++) {
		if (sem_trywait(s) == 0)
			return 1;
		usleep(200);
	}
	return 0;
}

static void *work(void *arg) {
	(void)arg;
	worker = gettid(); // before the first signal can come
	CHECK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL) == 0);
	for (int way = 0;; way = (way + 1) % WAYS) {
		struct timespec t = {60, 0};
		char c = 0;
		take(&start);
		if (over)
			return NULL;
		if (way == SLEEP) {
			FAILS(nanosleep(&t, &t), EINTR);
			CHECK(t.tv_sec <= 60 && t.tv_sec > 0); // 60 with the slack of the timer
		} else if (way == PAUSE)
			FAILS(pause(), EINTR);
		else if (way == READ)
			FAILS(read(ends[0], &c, 1), EINTR);
		else
			CHECK(read(ends[0], &c, 1) == 1 && c == 'x');
		sem_post(&ended);
	}
}

// send returns when the handler ran, in the worker.
static void send(void) {
	seen = 0;
	CHECK(kill(getpid(), SIGUSR1) == 0);
	take(&handled);
	CHECK(seen == worker && seen != gettid());
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	CHECK(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0 && pipe(ends) == 0);
	CHECK(sem_init(&start, 0, 0) == 0 && sem_init(&handled, 0, 0) == 0 && sem_init(&ended, 0, 0) == 0);
	CHECK(pthread_create(&t, NULL, work, NULL) == 0);
	do {
		for (int way = 0; way < WAYS; way++) {
			handle(SIGUSR1, on_signal, way == RESTARTED ? SA_RESTART : 0);
			sem_post(&start);
			usleep(1000);
			if (way == RESTARTED) {
				for (int i = 0; i < 3; i++)
					send(), usleep(500);
				FAILS(sem_trywait(&ended), EAGAIN);
				CHECK(write(ends[1], "x", 1) == 1);
				take(&ended);
			} else {
				do // again if it came before the call
					send();
				while (!soon(&ended));
			}
		}
	} while (going());
	over = 1;
	sem_post(&start);
	CHECK(pthread_join(t, NULL) == 0);
	return done("unblocked");
}
