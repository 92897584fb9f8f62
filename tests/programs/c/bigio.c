// Buffers of a megabyte: whole, unaligned and across the end of a file.
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	enum { N = (1 << 20) + 77 };
	unsigned char *a = malloc(N + 1), *b = malloc(N + 1);
	int fd = open("bigio.out", O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(a && b && fd >= 0);
	for (int i = 0; i < N + 1; i++)
		a[i] = i * 2654435761u >> 24;
	do {
		CHECK(pwrite(fd, a + 1, N, 3) == N);
		memset(b, 0, N + 1);
		CHECK(pread(fd, b + 1, N, 3) == N && memcmp(a + 1, b + 1, N) == 0);
		CHECK(pread(fd, b, N, N - 1000) == 1003 && memcmp(b, a + 1 + N - 1003, 1003) == 0);
	} while (going());
	return done("bigio");
}
