// Setting the ids that it has: all threads take part, and all see the same ids.
// build: dynamic musl
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

enum { READ, SLEEP, SEM, THREADS };
static sem_t ready, word, slept, checked;
static int ends[2];
static volatile int over;
static uid_t uid;
static gid_t gid;

// blocked waits until main lets it go on; signals of the C library may break in.
static void blocked(int me) {
	struct timespec t = {0, 3000000};
	char c;
	if (me == READ)
		CHECK(read(ends[0], &c, 1) == 1);
	else if (me == SEM)
		while (sem_wait(&word))
			CHECK(errno == EINTR);
	else
		while (sem_trywait(&slept)) {
			CHECK(errno == EAGAIN);
			CHECK(nanosleep(&t, NULL) == 0 || errno == EINTR);
		}
}

static void look(void) {
	uid_t r, e, s;
	gid_t gr, ge, gs;
	CHECK(getresuid(&r, &e, &s) == 0 && r == uid && e == uid && s == uid);
	CHECK(getresgid(&gr, &ge, &gs) == 0 && gr == gid && ge == gid && gs == gid);
	CHECK(getuid() == uid && geteuid() == uid && getgid() == gid && getegid() == gid);
}

static void *work(void *arg) {
	sem_post(&ready);
	for (;;) {
		blocked((int)(intptr_t)arg);
		if (over)
			return NULL;
		look();
		sem_post(&checked);
	}
}

static void take(sem_t *s) {
	while (sem_wait(s))
		CHECK(errno == EINTR);
}

static void release(void) {
	CHECK(write(ends[1], "x", 1) == 1 && sem_post(&word) == 0 && sem_post(&slept) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t[THREADS];
	uid = getuid(), gid = getgid();
	CHECK(pipe(ends) == 0 && sem_init(&ready, 0, 0) == 0 && sem_init(&word, 0, 0) == 0);
	CHECK(sem_init(&slept, 0, 0) == 0 && sem_init(&checked, 0, 0) == 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_create(&t[i], NULL, work, (void *)(intptr_t)i) == 0);
		take(&ready);
	}
	do {
		usleep(1000);
		CHECK(setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0);
		look();
		CHECK(setgid(getgid()) == 0 && setuid(getuid()) == 0);
		look();
		release();
		for (int i = 0; i < THREADS; i++)
			take(&checked);
	} while (going());
	over = 1;
	release();
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	return done("setids");
}
