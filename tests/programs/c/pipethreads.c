// Threads with pipes: uneven chunks keep their order, and a file has what is announced.
// build: dynamic musl
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

enum { CHUNK = 9000, BLOCK = 512, SLOTS = 64, ROOM = 32, END = -1 };
struct sum { long size; uint32_t check; };
static int stream[2], news[2], file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t handed = PTHREAD_COND_INITIALIZER;
static sem_t room;
static int turn, number;

static void add(struct sum *s, const unsigned char *p, long n) {
	for (s->size += n; n > 0; n--)
		s->check = s->check * 31 + *p++;
}

static void *produce(void *arg) {
	unsigned char buf[CHUNK];
	uint32_t x = 1;
	do {
		for (int k = 0; k < 8; k++) {
			x ^= x << 13, x ^= x >> 17, x ^= x << 5;
			int n = 1 + x % CHUNK;
			for (int i = 0; i < n; i++)
				buf[i] = (unsigned char)(x >> (i & 15)) + i;
			ssize_t size;
			for (int at = 0; at < n; at += size) // a stop may shorten a write
				CHECK((size = write(stream[1], buf + at, n - at)) > 0);
			add(arg, buf, n);
		}
	} while (going());
	CHECK(close(stream[1]) == 0);
	return NULL;
}

static void *consume(void *arg) {
	unsigned char buf[CHUNK];
	ssize_t n;
	for (int want = 1; (n = read(stream[0], buf, want)) > 0; want = want * 7 % CHUNK + 1)
		add(arg, buf, n);
	CHECK(n == 0);
	return NULL;
}

static void await(int who) {
	CHECK(pthread_mutex_lock(&lock) == 0);
	while (turn != who)
		CHECK(pthread_cond_wait(&handed, &lock) == 0);
	CHECK(pthread_mutex_unlock(&lock) == 0);
}

static void hand(int who) {
	CHECK(pthread_mutex_lock(&lock) == 0);
	turn = who;
	CHECK(pthread_cond_signal(&handed) == 0 && pthread_mutex_unlock(&lock) == 0);
}

// writer puts blocks into the file, and announcer tells their numbers.
static void *writer(void *arg) {
	(void)arg;
	int n = 0, last;
	do {
		int block[BLOCK / sizeof(int)];
		last = n > 0 && !going();
		while (sem_wait(&room))
			CHECK(errno == EINTR);
		for (size_t i = 0; i < BLOCK / sizeof(int); i++)
			block[i] = n + i;
		CHECK(pwrite(file, block, BLOCK, n % SLOTS * BLOCK) == BLOCK);
		await(0);
		number = last ? END : n++;
		hand(1);
	} while (!last);
	return NULL;
}

static void *announcer(void *arg) {
	(void)arg;
	int n;
	do {
		await(1);
		n = number;
		CHECK(write(news[1], &n, sizeof n) == sizeof n);
		hand(0);
	} while (n != END);
	return NULL;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	void *(*all[])(void *) = {produce, consume, writer, announcer};
	struct sum sums[4] = {{0, 0}};
	pthread_t t[4];
	file = open("pipethreads.data", O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(file >= 0 && pipe(stream) == 0 && pipe(news) == 0 && sem_init(&room, 0, ROOM) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, all[i], &sums[i]) == 0);
	int n, block[BLOCK / sizeof(int)];
	for (int want = 0; read(news[0], &n, sizeof n) == sizeof n && n != END; want++) {
		CHECK(n == want && pread(file, block, BLOCK, n % SLOTS * BLOCK) == BLOCK);
		for (size_t i = 0; i < BLOCK / sizeof(int); i++)
			CHECK(block[i] == (int)(n + i));
		sem_post(&room);
	}
	CHECK(n == END);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	CHECK(sums[0].size > 0 && sums[0].size == sums[1].size && sums[0].check == sums[1].check);
	CHECK(unlink("pipethreads.data") == 0);
	return done("pipethreads");
}
