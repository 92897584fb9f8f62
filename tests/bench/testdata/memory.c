// Touches argv[1] MiB of memory with bytes that do not compress, prints where they
// are, and computes until it is killed, or for argv[2] seconds.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

int main(int argc, char **argv) {
	size_t n = (size_t)atol(argv[1]) << 20;
	time_t end = time(NULL) + (argc > 2 ? atol(argv[2]) : 60);
	uint64_t x = 88172645463325252u, *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < n / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = x;
	}
	printf("%p\n", (void *)p);
	fflush(stdout);
	while (time(NULL) < end)
		x++;
	return x == 0;
}
