// A hundred threads block and wake in four ways; each piece of work is done exactly once.
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

// A piece of work is a number. It comes by a queue with a condition, by a semaphore, by
// a pipe, or is taken by a thread that slept for a while.
enum { COND, SEM, PIPE, SLEEP, WAYS, THREADS = 100, ROOM = 64, MOST = 1 << 20 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER, room = PTHREAD_COND_INITIALIZER;
static sem_t posted;
static int ends[2], first, last, queue[ROOM], taken[WAYS], done_by[THREADS];
static unsigned char times[WAYS][MOST];
static volatile int given[WAYS], over;

// by_cond leaves the end of all work, a negative number, in the queue for the others.
static int by_cond(void) {
	CHECK(pthread_mutex_lock(&lock) == 0);
	while (first == last)
		CHECK(pthread_cond_wait(&more, &lock) == 0);
	int number = queue[first % ROOM];
	if (number >= 0) {
		first++;
		times[COND][number]++;
		CHECK(pthread_cond_signal(&room) == 0);
	}
	CHECK(pthread_mutex_unlock(&lock) == 0);
	return number >= 0;
}

static int take(int way) {
	int number = __atomic_fetch_add(&taken[way], 1, __ATOMIC_SEQ_CST);
	int is = way == SLEEP || number < given[way];
	if (is)
		__atomic_fetch_add(&times[way][number], 1, __ATOMIC_SEQ_CST);
	return is;
}

static int by_sem(void) {
	while (sem_wait(&posted))
		CHECK(errno == EINTR);
	return take(SEM);
}

static int by_pipe(void) {
	int number;
	ssize_t n = read(ends[0], &number, sizeof number);
	CHECK(n == 0 || n == sizeof number);
	if (n)
		__atomic_fetch_add(&times[PIPE][number], 1, __ATOMIC_SEQ_CST);
	return n > 0;
}

static int by_sleep(int me) {
	struct timespec t = {0, 500000 + 10000 * me};
	CHECK(nanosleep(&t, NULL) == 0);
	return over ? 0 : take(SLEEP);
}

static void *work(void *arg) {
	int me = (int)(intptr_t)arg, goes = 1;
	while (goes) {
		switch (me % WAYS) {
		case COND: goes = by_cond(); break;
		case SEM: goes = by_sem(); break;
		case PIPE: goes = by_pipe(); break;
		default: goes = by_sleep(me);
		}
		done_by[me] += goes;
	}
	return NULL;
}

static void put(int number) {
	CHECK(pthread_mutex_lock(&lock) == 0);
	while (last - first == ROOM)
		CHECK(pthread_cond_wait(&room, &lock) == 0);
	queue[last++ % ROOM] = number;
	CHECK(pthread_cond_signal(&more) == 0 && pthread_mutex_unlock(&lock) == 0);
}

// finish: no more work comes. Threads that wait are woken by what they wait for.
static void finish(void) {
	over = 1;
	put(-1);
	CHECK(pthread_cond_broadcast(&more) == 0 && close(ends[1]) == 0);
	for (int i = 0; i < THREADS / WAYS; i++)
		CHECK(sem_post(&posted) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int total = argc > 2 ? atoi(argv[2]) : 0, n = 0, sum = 0;
	pthread_t t[THREADS];
	CHECK(sem_init(&posted, 0, 0) == 0 && pipe(ends) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&t[i], NULL, work, (void *)(intptr_t)i) == 0);
	for (; n < MOST && (n < total || going()); n++) {
		put(n);
		given[SEM]++;
		CHECK(sem_post(&posted) == 0);
		CHECK(write(ends[1], &n, sizeof n) == sizeof n);
	}
	finish();
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(t[i], NULL) == 0);
		sum += done_by[i];
	}
	given[COND] = given[PIPE] = n, given[SLEEP] = taken[SLEEP];
	for (int way = 0; way < WAYS; way++)
		for (int i = 0; i < given[way]; i++)
			CHECK(times[way][i] == 1);
	CHECK(sum == given[COND] + given[SEM] + given[PIPE] + given[SLEEP]);
	return done("threadstorm");
}
