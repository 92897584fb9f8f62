// Reads standard input to its end, whenever its bytes come, and sums them up.
// stdin: slow
// build: dynamic static
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	static char buf[4096];
	uint32_t sum = 1;
	size_t all = 0;
	ssize_t n;
	while ((n = read(0, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++, all++)
			sum = sum * 31 + (unsigned char)buf[i];
	CHECK(n == 0);
	printf("%zu bytes, sum %u\n", all, sum);
	return 0;
}
