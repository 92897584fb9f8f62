// malloc, realloc and free of changing sizes; every block keeps its bytes.
// build: dynamic static musl
#include "guest.h"

enum { N = 256 };
static unsigned char *block[N];
static size_t size[N];

static void verify(int i) {
	for (size_t k = 0; k < size[i]; k += 97)
		CHECK(block[i][k] == (unsigned char)(i + k));
}

int main(int argc, char **argv) {
	begin(argc, argv);
	uint32_t x = 1;
	do {
		for (int n = 0; n < 200; n++) {
			x = x * 1664525 + 1013904223;
			int i = x >> 24;
			verify(i);
			size_t want = (x >> 8 & 0xff) == 0 ? 3 << 20 : x >> 12 & 0x3fff;
			block[i] = realloc(block[i], want ? want : 1);
			CHECK(block[i]);
			size[i] = want;
			for (size_t k = 0; k < want; k++)
				block[i][k] = i + k;
		}
	} while (going());
	for (int i = 0; i < N; i++) {
		verify(i);
		free(block[i]);
	}
	return done("heap");
}
