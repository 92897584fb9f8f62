// Threads have names of their own, set by themselves and by others, seen in /proc.
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/prctl.h>

enum { THREADS = 3 };
static sem_t ready, go[THREADS], ended;
static int tids[THREADS];
static volatile int over;

// named: the thread has that name, as its library and as /proc see it.
static int named(pthread_t t, int tid, const char *want) {
	char path[64], name[32], comm[32];
	CHECK(pthread_getname_np(t, name, sizeof name) == 0);
	snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	ssize_t n = read(fd, comm, sizeof comm - 1), len = strlen(want);
	CHECK(n >= 1 && close(fd) == 0 && comm[n - 1] == '\n');
	return strcmp(name, want) == 0 && n - 1 == len && memcmp(comm, want, len) == 0;
}

static void *work(void *arg) {
	int me = (int)(intptr_t)arg;
	tids[me] = gettid();
	CHECK(named(pthread_self(), tids[me], "parent"));
	sem_post(&ready);
	for (int round = 0;; round++) {
		char name[32], mine[32];
		CHECK(sem_wait(&go[me]) == 0);
		if (over)
			return NULL;
		snprintf(name, sizeof name, "given %d %d", me, round % 1000);
		CHECK(named(pthread_self(), tids[me], name));
		snprintf(name, sizeof name, "own %d %d", me, round % 1000);
		CHECK(pthread_setname_np(pthread_self(), name) == 0);
		CHECK(prctl(PR_GET_NAME, mine) == 0 && strcmp(mine, name) == 0);
		sem_post(&ended);
	}
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t[THREADS];
	CHECK(sem_init(&ready, 0, 0) == 0 && sem_init(&ended, 0, 0) == 0);
	CHECK(pthread_setname_np(pthread_self(), "parent") == 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK(sem_init(&go[i], 0, 0) == 0);
		CHECK(pthread_create(&t[i], NULL, work, (void *)(intptr_t)i) == 0 && sem_wait(&ready) == 0);
	}
	int round = 0;
	volatile uint32_t x = 1;
	do {
		char name[32];
		CHECK(pthread_setname_np(t[0], "sixteen letters!") == ERANGE);
		for (int i = 0; i < THREADS; i++) {
			snprintf(name, sizeof name, "given %d %d", i, round % 1000);
			CHECK(pthread_setname_np(t[i], name) == 0 && named(t[i], tids[i], name));
		}
		x = spin(x);
		for (int i = 0; i < THREADS; i++) {
			CHECK(sem_post(&go[i]) == 0 && sem_wait(&ended) == 0);
			snprintf(name, sizeof name, "own %d %d", i, round % 1000);
			CHECK(named(t[i], tids[i], name));
		}
		CHECK(named(pthread_self(), getpid(), "parent"));
		round++;
	} while (going());
	over = 1;
	for (int i = 0; i < THREADS; i++)
		CHECK(sem_post(&go[i]) == 0 && pthread_join(t[i], NULL) == 0);
	return done("threadnames");
}
