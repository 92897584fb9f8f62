// Threads start and are joined one after another; the number of one that ended is gone.
// build: dynamic musl
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>

static sem_t started, go;
static pthread_t self;
static int tid;

static void *work(void *arg) {
	self = pthread_self();
	tid = syscall(SYS_gettid);
	CHECK(sem_post(&started) == 0 && sem_wait(&go) == 0);
	CHECK(pthread_equal(self, pthread_self()) && syscall(SYS_gettid) == tid);
	return (void *)(intptr_t)spin((uint32_t)(intptr_t)arg);
}

static int signal0(void) { return syscall(SYS_tgkill, getpid(), tid, 0); }

int main(int argc, char **argv) {
	begin(argc, argv);
	CHECK(sem_init(&started, 0, 0) == 0 && sem_init(&go, 0, 0) == 0);
	volatile uint32_t x = 1;
	do {
		pthread_t t;
		void *value;
		CHECK(pthread_create(&t, NULL, work, (void *)(intptr_t)x) == 0);
		CHECK(sem_wait(&started) == 0);
		CHECK(pthread_equal(t, self) && !pthread_equal(t, pthread_self()));
		CHECK(tid > 0 && tid != getpid() && syscall(SYS_gettid) == getpid());
		CHECK(signal0() == 0);
		CHECK(sem_post(&go) == 0);
		x = spin(x);
		CHECK(pthread_join(t, &value) == 0 && (uint32_t)(intptr_t)value == x);
		int64_t start = clock_ms();
		while (signal0() == 0) { // the joined thread may have a few instructions left
			CHECK(clock_ms() < start + 2000);
			sched_yield();
		}
		FAILS(signal0(), ESRCH);
	} while (going());
	return done("joins");
}
