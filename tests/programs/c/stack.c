// Deep recursion: the stack grows by page faults, megabytes below where it began.
// build: dynamic static
#include "guest.h"

static uint64_t dig(int depth, uint64_t x) {
	volatile char room[4000];
	memset((void *)room, depth & 0xff, sizeof room);
	uint64_t r = depth ? dig(depth - 1, x * 31 + depth) : x;
	for (size_t i = 0; i < sizeof room; i += 500)
		CHECK(room[i] == (char)(depth & 0xff));
	return r + room[7];
}

int main(int argc, char **argv) {
	begin(argc, argv);
	uint64_t sum = 0;
	for (int depth = 10; depth < 1500; depth += 90)
		sum += dig(depth, depth);
	uint64_t first = dig(1500, 5);
	while (going())
		CHECK(dig(1500, 5) == first);
	printf("%llx\n", (unsigned long long)(sum + first));
	return 0;
}
