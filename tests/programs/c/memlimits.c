// Limits on memory that are lower than what the program has: it goes on with that, wherever
// it is, and gets no more.
#include <sys/mman.h>
#include <sys/resource.h>

#include "guest.h"

enum { HAD = 8 << 20 };

static void has(const char *had) {
	for (int i = 0; i < HAD; i += 4096)
		CHECK(had[i] == (char)(i >> 12));
}

// low: the limit is low for half of the time.
static void low(int resource) {
	struct rlimit old, now, small = {1 << 20, RLIM_INFINITY};
	int64_t end = clock_ms() + guest_ms / 2 + 1;
	char *had = mmap(NULL, HAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(had != MAP_FAILED && getrlimit(resource, &old) == 0);
	for (int i = 0; i < HAD; i += 4096)
		had[i] = i >> 12;
	small.rlim_max = old.rlim_max;
	CHECK(setrlimit(resource, &small) == 0);
	do {
		spin(1);
		FAILS((long)mmap(NULL, HAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
		CHECK(getrlimit(resource, &now) == 0 && now.rlim_cur == small.rlim_cur && now.rlim_max == small.rlim_max);
		has(had);
	} while (clock_ms() < end);
	CHECK(setrlimit(resource, &old) == 0 && munmap(had, HAD) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	low(RLIMIT_AS);
	low(RLIMIT_DATA);
	return done("memlimits");
}
