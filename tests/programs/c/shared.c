// Shared memory of a sole owner: anonymous, of a memfd, and of a file that is left.
#include "guest.h"
#include <sys/mman.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	const int rw = PROT_READ | PROT_WRITE;
	int file = open("shared.out", O_RDWR | O_CREAT | O_TRUNC, 0644), mem = memfd_create("shared", 0);
	CHECK(ftruncate(file, 3 * 4096) == 0 && ftruncate(mem, 2 * 4096) == 0);
	uint32_t *anon = mmap(NULL, 4 * 4096, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *f = mmap(NULL, 3 * 4096, rw, MAP_SHARED, file, 0), *m = mmap(NULL, 2 * 4096, rw, MAP_SHARED, mem, 0);
	CHECK(anon != MAP_FAILED && f != MAP_FAILED && m != MAP_FAILED);
	uint32_t x = 1, n = 0;
	do {
		x = spin(x);
		anon[n++ % 4096] = x;
		CHECK(anon[(n - 1) % 4096] == x);
		memcpy(f + 4094, "across", 6);
		m[4096] = 'a' + n % 26;
		char back[6];
		CHECK(pread(file, back, 6, 4094) == 6 && memcmp(back, "across", 6) == 0);
		CHECK(pread(mem, back, 1, 4096) == 1 && back[0] == m[4096]);
		CHECK(pwrite(mem, "w", 1, 7) == 1 && m[7] == 'w');
	} while (going());
	CHECK(msync(f, 3 * 4096, MS_SYNC) == 0);
	return done("shared");
}
