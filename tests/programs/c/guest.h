// What every guest program shares: it goes on for argv[1] milliseconds (100 without
// it), checks what it sees, and prints the same bytes wherever it runs.
#ifndef GUEST_H
#define GUEST_H
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                \
	do {                                                                    \
		if (!(x)) {                                                     \
			printf("line %d: %s (errno %d)\n", __LINE__, #x, errno); \
			exit(99);                                               \
		}                                                               \
	} while (0)

// FAILS: the call x returns -1 with errno e.
#define FAILS(x, e) do { errno = 0; CHECK((x) == -1); CHECK(errno == (e)); } while (0)

static inline int64_t clock_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int64_t guest_end;
static int guest_ms = 100;

static inline void begin(int argc, char **argv) {
	if (argc > 1)
		guest_ms = atoi(argv[1]);
	guest_end = clock_ms() + guest_ms;
}

// going: the time that the program was given is not over.
static inline int going(void) { return clock_ms() < guest_end; }

// on_time: since start (of clock_ms) ms have passed, and not many more. It is generous,
// because machines of tests are busy.
static inline int on_time(int64_t start, int ms) {
	int64_t passed = clock_ms() - start;
	if (passed < ms - 1 || passed > ms + 400)
		fprintf(stderr, "%lld ms passed, %d wanted\n", (long long)passed, ms);
	return passed >= ms - 1 && passed <= ms + 400;
}

// spin computes for about a millisecond without any system call.
static inline uint32_t spin(uint32_t x) {
	for (int i = 0; i < 300000; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		__asm__ volatile("" : "+r"(x)); // also where nobody uses the result
	}
	return x;
}

static inline void handle(int sig, void (*f)(int), int flags) {
	struct sigaction a = {.sa_handler = f, .sa_flags = flags};
	sigemptyset(&a.sa_mask);
	CHECK(sigaction(sig, &a, NULL) == 0);
}

static inline int done(const char *name) {
	printf("%s: ok\n", name);
	return 0;
}
#endif
