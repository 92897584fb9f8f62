// x87 and SSE state that lives across everything: control words, roundings, values.
// flags: -lm -frounding-math
// build: dynamic static musl
#include "guest.h"
#include <fenv.h>
#include <math.h>
#include <xmmintrin.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	CHECK(fesetround(FE_UPWARD) == 0);
	_mm_setcsr(_mm_getcsr() | 0x8040); // flush to zero, denormals are zero
	unsigned csr = _mm_getcsr() & ~0x3fu;
	volatile long double third = 1.0L / 3.0L;
	long double kept = third * 1e300L;
	volatile double tiny = 1e-310;
	uint32_t x = 1;
	do {
		x = spin(x);
		CHECK(fegetround() == FE_UPWARD);
		CHECK((_mm_getcsr() & ~0x3fu) == csr);
		CHECK(tiny * 1.0 == 0);
		CHECK(kept == third * 1e300L && (1.0L / 3.0L) * third > 0.11L);
	} while (going());
	volatile double one = 1, three = 3;
	printf("%.17g %.25Lg\n", one / three, sqrtl(2.0L) * kept);
	return 0;
}
