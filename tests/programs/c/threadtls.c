// Each thread has its own __thread variables, errno and key; destructors run at its end.
// build: dynamic static musl
// flags: -pthread
#include "guest.h"
#include <pthread.h>

enum { THREADS = 3, ROUNDS = 5 };
struct slot { int me, tid, destroyed; };
static __thread int number = 4711;
static __thread char text[64];
static pthread_key_t key;
static pthread_barrier_t together;

static void destroy(void *arg) {
	struct slot *s = arg;
	CHECK(s->tid == gettid() && number == 4711 + ROUNDS * (s->me + 1) && pthread_getspecific(key) == NULL);
	s->destroyed++;
}

static void *work(void *arg) {
	struct slot *s = arg;
	int me = s->me;
	char want[64];
	volatile uint32_t x = 1;
	CHECK(number == 4711 && text[0] == 0 && text[63] == 0 && pthread_getspecific(key) == NULL);
	s->tid = gettid();
	CHECK(pthread_setspecific(key, s) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&together);
		number += me + 1;
		snprintf(text, sizeof text, "thread %d round %d", me, i);
		if (me == 0)
			CHECK(close(-1) == -1);
		else if (me == 1)
			CHECK(open("/nonexistent/file", O_RDONLY) == -1);
		else
			CHECK(lseek(0, 0, 99) == -1);
		x = spin(x);
		CHECK(errno == (me == 0 ? EBADF : me == 1 ? ENOENT : EINVAL));
		snprintf(want, sizeof want, "thread %d round %d", me, i);
		CHECK(number == 4711 + (i + 1) * (me + 1) && strcmp(text, want) == 0);
		CHECK(pthread_getspecific(key) == s);
	}
	return &number;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	CHECK(pthread_key_create(&key, destroy) == 0 && pthread_barrier_init(&together, NULL, THREADS) == 0);
	number = 1;
	CHECK(pthread_setspecific(key, &number) == 0);
	do {
		pthread_t t[THREADS];
		struct slot slots[THREADS];
		void *where[THREADS];
		for (int i = 0; i < THREADS; i++) {
			slots[i] = (struct slot){.me = i};
			CHECK(pthread_create(&t[i], NULL, work, &slots[i]) == 0);
		}
		for (int i = 0; i < THREADS; i++) {
			CHECK(pthread_join(t[i], &where[i]) == 0 && where[i] != &number);
			CHECK(slots[i].destroyed == 1);
		}
		CHECK(number == 1 && text[0] == 0 && pthread_getspecific(key) == &number);
	} while (going());
	return done("threadtls");
}
