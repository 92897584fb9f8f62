// Private file mappings that are written, and libraries loaded late.
// flags: -ldl
#include "guest.h"
#include <dlfcn.h>
#include <sys/mman.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	int fd = open("dlopen.out", O_RDWR | O_CREAT | O_TRUNC, 0644);
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 4096 / 16; k++)
			CHECK(dprintf(fd, "page %d line %3d\n", i, k) == 16);
	char *p = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(p != MAP_FAILED);
	p[4096] = 'P';
	do {
		CHECK(p[4096] == 'P' && p[4097] == 'a' && p[3 * 4096 + 5] == '3');
		void *h = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
		CHECK(h);
		double (*cosine)(double) = (double (*)(double))dlsym(h, "cos");
		CHECK(cosine && cosine(0) == 1);
		char *q = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 3 * 4096);
		CHECK(q != MAP_FAILED && q[5] == '3' && q[4096 + 5] == '4');
		q[5] = 'x';
		CHECK(p[3 * 4096 + 5] == '3' && munmap(q, 2 * 4096) == 0);
		CHECK(dlclose(h) == 0);
	} while (going());
	char c;
	CHECK(pread(fd, &c, 1, 4096) == 1 && c == 'p');
	return done("dlopen");
}
