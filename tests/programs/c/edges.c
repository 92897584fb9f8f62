// Threads and grandchildren make whole calls after others have made ones at the edge of
// their memory: what those could not reach is no bar to who comes after them.
#include "guest.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { LARGE = 1 << 16, PAGES = 8 };
static char *edge;
static int file;

// short_writes end early, at every distance from the beginning of what they write.
static void *short_writes(void *unused) {
	for (int pages = 0; pages < PAGES; pages++) {
		size_t there = pages * 4096 + 10;
		CHECK(pwrite(file, edge - there, there + 90, 0) == (ssize_t)there);
	}
	return unused;
}

static void *whole_write(void *unused) {
	char buf[LARGE];
	memset(buf, 'w', LARGE);
	CHECK(pwrite(file, buf, LARGE, 0) == LARGE);
	return unused;
}

static void run(void *(*f)(void *)) {
	pthread_t t;
	CHECK(pthread_create(&t, NULL, f, NULL) == 0);
	CHECK(pthread_join(t, NULL) == 0);
}

// descend writes in a child of a child, each of whose forebears has ended a call early.
static int descend(int depth) {
	whole_write(NULL);
	short_writes(NULL);
	if (depth == 0)
		return 0;
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(descend(depth - 1));
	CHECK(waitpid(child, &status, 0) == child);
	return status != 0;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	char *room = mmap(NULL, 2 * LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(room != MAP_FAILED && munmap(room + LARGE, LARGE) == 0);
	edge = room + LARGE;
	file = open("edges.out", O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(file >= 0);
	do {
		run(short_writes);
		run(whole_write);
		CHECK(descend(2) == 0);
	} while (going());
	return done("edges");
}
