// Dies of a bad address after some work; what it wrote before is there.
// exit: SIGSEGV
// build: dynamic static
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	uint32_t x = 1;
	while (going())
		x = spin(x);
	printf("before\n");
	fflush(stdout);
	*(volatile int *)16 = x;
	return 0;
}
