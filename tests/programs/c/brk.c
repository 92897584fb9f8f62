// The break grows and shrinks; what comes back is zero, what stayed is kept.
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	enum { STEP = 64 << 10 };
	char *bottom = sbrk(0);
	int rounds = 0;
	do {
		char *p = sbrk(8 * STEP);
		CHECK(p == bottom);
		for (int i = 0; i < 8 * STEP; i += 512)
			CHECK(p[i] == 0);
		memset(p, 'x', 8 * STEP);
		CHECK(sbrk(-4 * STEP) == p + 8 * STEP);
		CHECK(sbrk(0) == p + 4 * STEP);
		char *q = sbrk(2 * STEP);
		CHECK(q == p + 4 * STEP && q[0] == 0 && q[STEP] == 0 && p[0] == 'x' && q[-1] == 'x');
		CHECK(brk(bottom) == 0 && sbrk(0) == bottom);
	} while (going() || ++rounds < 2);
	return done("brk");
}
