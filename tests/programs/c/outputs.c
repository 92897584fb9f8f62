// Writes in turn to standard output and error, buffered and not, to the last byte.
// build: dynamic musl
// exit: 3
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	uint32_t x = 1;
	for (int i = 0; i < 200; i++) {
		printf("out %d\n", i);
		if (i % 10 == 0)
			fflush(stdout);
		if (i % 7 == 0)
			fprintf(stderr, "err %d\n", i);
		for (int k = 0; k < guest_ms / 200 + 1; k++)
			x = spin(x);
	}
	printf("no newline at the end");
	fflush(stdout);
	_exit(3);
}
