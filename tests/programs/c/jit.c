// Code that the program writes itself, makes executable and changes.
#include "guest.h"
#include <sys/mman.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(code != MAP_FAILED);
	uint32_t n = 0;
	do {
		CHECK(mprotect(code, 4096, PROT_READ | PROT_WRITE) == 0);
		unsigned char mov[] = {0xb8, n, n >> 8, n >> 16, n >> 24, 0xc3}; // mov eax, n; ret
		memcpy(code, mov, sizeof mov);
		CHECK(mprotect(code, 4096, PROT_READ | PROT_EXEC) == 0);
		CHECK(((uint32_t(*)(void))code)() == n);
		n = n * 1664525 + 1013904223;
	} while (going());
	return done("jit");
}
