// Computes a hash in registers and memory, with no system call for long stretches.
// build: dynamic static musl
// exit: 7
#include "guest.h"

int main(int argc, char **argv) {
	static uint32_t table[1 << 16];
	begin(argc, argv);
	uint64_t h = 14695981039346656037u;
	for (int round = 0; round < guest_ms; round++)
		for (uint32_t i = 0; i < 1 << 16; i++) {
			table[i] += i * 2654435761u + round;
			h = (h ^ table[(h >> 20) & 0xffff]) * 1099511628211u;
		}
	printf("%016llx\n", (unsigned long long)h);
	return 7;
}
