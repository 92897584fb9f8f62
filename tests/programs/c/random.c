// Random bytes differ each time, from the call and from the device.
#include "guest.h"
#include <sys/random.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	unsigned char a[32], b[32];
	int fd = open("/dev/urandom", O_RDONLY);
	CHECK(fd >= 0);
	do {
		CHECK(getrandom(a, 32, 0) == 32 && getrandom(b, 32, GRND_NONBLOCK) == 32 && memcmp(a, b, 32));
		CHECK(read(fd, a, 32) == 32 && memcmp(a, b, 32));
	} while (going());
	return done("random");
}
