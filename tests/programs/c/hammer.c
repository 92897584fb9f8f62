// Writes to a file and to a pipe as fast as it can, until the time is over.
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <sys/wait.h>

// One thread overwrites the beginning of a file, another one appends to it, a third one
// writes numbers to a pipe, from 1 on. Given a second argument it never ends, and the
// pipe is its standard output.
static int file, more, out;
static volatile int over, last;

static void *overwrites(void *arg) {
	for (uint64_t n = 1; !over; n++)
		CHECK(pwrite(file, &n, sizeof n, 0) == sizeof n);
	return arg;
}

static void *appends(void *arg) {
	while (!over) {
		CHECK(write(more, "more\n", 5) == 5);
		usleep(100); // the file shall not become large
	}
	return arg;
}

static void *tells(void *arg) {
	for (uint32_t n = 1; !over; n++) {
		CHECK(write(out, &n, sizeof n) == sizeof n);
		last = n;
	}
	return arg;
}

static int reads(int in) {
	uint32_t n, next = 1;
	for (ssize_t size; (size = read(in, &n, sizeof n)) != 0; next++)
		CHECK(size == sizeof n && n == next);
	return 0;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t[3];
	int ends[2], status;
	CHECK((file = open("hammered", O_RDWR | O_CREAT, 0600)) >= 0);
	CHECK((more = open("hammered", O_WRONLY | O_APPEND)) >= 0);
	pid_t reader = 0;
	out = 1;
	if (argc < 3) {
		CHECK(pipe(ends) == 0 && (reader = fork()) >= 0);
		if (reader == 0) {
			close(ends[1]);
			return reads(ends[0]);
		}
		close(ends[0]);
		out = ends[1];
	}
	void *(*work[])(void *) = {overwrites, appends, tells};
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&t[i], NULL, work[i], NULL) == 0);
	volatile uint32_t x = 1;
	while (going() || argc > 2)
		x = spin(x);
	over = 1;
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	CHECK(close(out) == 0 && waitpid(reader, &status, 0) == reader && status == 0);
	CHECK(unlink("hammered") == 0);
	return done("hammer");
}
