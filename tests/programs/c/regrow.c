// Mappings that grow and shrink again and again as a whole, as realloc has them do.
#include "guest.h"
#include <sys/mman.h>

enum { PAGE = 4096, MAPS = 5 };

int main(int argc, char **argv) {
	begin(argc, argv);
	uint32_t x = 1;
	struct { unsigned char *at; size_t pages; } m[MAPS] = {0};
	for (int round = 0; going() || round < 20; round++)
		for (int i = 0; i < MAPS; i++) {
			size_t old = m[i].pages, pages = 1 + x % 40;
			if (old == 0)
				m[i].at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			else
				m[i].at = mremap(m[i].at, old * PAGE, pages * PAGE, MREMAP_MAYMOVE);
			CHECK(m[i].at != MAP_FAILED);
			m[i].pages = pages;
			for (size_t k = 0; k < pages; k++) {
				CHECK(m[i].at[k * PAGE + 9] == (k < old ? (unsigned char)(k + i + 1) : 0));
				m[i].at[k * PAGE + 9] = k + i + 1;
			}
			x = spin(x);
		}
	return done("regrow");
}
