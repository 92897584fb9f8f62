// Thread-local storage: initialised, zero and large variables, and errno.
// build: dynamic static musl
#include "guest.h"
#include <sys/syscall.h>

static __thread int begun = 42;
static __thread char big[100000];
static __thread uint64_t counter;

int main(int argc, char **argv) {
	begin(argc, argv);
	// 0x1003 is ARCH_GET_FS; musl has no kernel headers.
	unsigned long base = 0, again = 0;
	CHECK(syscall(SYS_arch_prctl, 0x1003, &base) == 0 && base);
	uint32_t x = 1;
	do {
		x = spin(x);
		counter++;
		big[counter % sizeof big]++;
		CHECK(begun == 42);
		CHECK(close(-1) == -1 && errno == EBADF);
		CHECK(syscall(SYS_arch_prctl, 0x1003, &again) == 0 && again == base);
	} while (going());
	uint64_t sum = 0;
	for (size_t i = 0; i < sizeof big; i++)
		sum += (unsigned char)big[i];
	CHECK(sum == counter);
	return done("tls");
}
