// Three readers and a writer with a read-write lock, a barrier and a spin lock.
// build: dynamic musl
// flags: -pthread
#include "guest.h"
#include <pthread.h>

enum { READERS = 3, READS = 40, WRITES = 15 };
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_spinlock_t quick;
static volatile long a, b;
static long reads, serials;
static int over;

static void meet(void) {
	int r = pthread_barrier_wait(&barrier);
	CHECK(r == 0 || r == PTHREAD_BARRIER_SERIAL_THREAD);
	if (r != 0)
		__atomic_add_fetch(&serials, 1, __ATOMIC_SEQ_CST);
}

static void *reader(void *arg) {
	volatile uint32_t x = 1;
	for (;;) {
		meet();
		if (over)
			return arg;
		long last = 0;
		for (int i = 0; i < READS; i++) {
			CHECK(pthread_rwlock_rdlock(&lock) == 0);
			long before = a;
			if (i % 16 == 0)
				x = spin(x);
			CHECK(a == before && b == -a && a >= last);
			last = a;
			CHECK(pthread_rwlock_unlock(&lock) == 0);
			CHECK(pthread_spin_lock(&quick) == 0);
			reads++;
			CHECK(pthread_spin_unlock(&quick) == 0);
		}
		meet();
	}
}

static void writer(void) {
	volatile uint32_t x = 1;
	for (int i = 0; i < WRITES; i++) {
		CHECK(pthread_rwlock_wrlock(&lock) == 0);
		a++;
		if (i % 8 == 0)
			x = spin(x);
		CHECK(pthread_rwlock_tryrdlock(&lock) == EBUSY);
		b--;
		CHECK(pthread_rwlock_unlock(&lock) == 0);
	}
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t[READERS];
	CHECK(pthread_barrier_init(&barrier, NULL, READERS + 1) == 0);
	CHECK(pthread_spin_init(&quick, PTHREAD_PROCESS_PRIVATE) == 0);
	for (int i = 0; i < READERS; i++)
		CHECK(pthread_create(&t[i], NULL, reader, NULL) == 0);
	long round = 0;
	do {
		meet();
		writer();
		meet();
		round++;
		CHECK(a == round * WRITES && b == -a && reads == round * READERS * READS);
	} while (going());
	over = 1;
	meet();
	for (int i = 0; i < READERS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	CHECK(serials == 2 * round + 1 && pthread_barrier_destroy(&barrier) == 0);
	return done("rwlocks");
}
