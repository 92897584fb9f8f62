// Futex waits with a time limit, mismatches and wakes of nobody.
#include "guest.h"
#include <linux/futex.h>
#include <sys/syscall.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	uint32_t word = 5;
	do {
		struct timespec limit = {0, 30 * 1000000}, until;
		int64_t start = clock_ms();
		FAILS(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &limit, NULL, 0), ETIMEDOUT);
		CHECK(on_time(start, 30));
		FAILS(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 6, &limit, NULL, 0), EAGAIN);
		CHECK(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 30000000;
		if (until.tv_nsec >= 1000000000)
			until.tv_sec++, until.tv_nsec -= 1000000000;
		start = clock_ms();
		FAILS(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 5, &until, NULL, ~0u), ETIMEDOUT);
		CHECK(on_time(start, 29));
	} while (going());
	return done("futex");
}
