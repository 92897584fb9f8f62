// Nobody traces it, says the kernel, wherever it runs.
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	do {
		char buf[8192] = "";
		int fd = open("/proc/self/status", O_RDONLY);
		CHECK(fd >= 0 && read(fd, buf, sizeof buf - 1) > 0 && close(fd) == 0);
		CHECK(strstr(buf, "\nTracerPid:\t0\n"));
	} while (going());
	return done("traced");
}
