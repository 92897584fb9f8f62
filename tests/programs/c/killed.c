// Ends itself by a signal that cannot be caught.
// exit: SIGKILL
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	uint32_t x = 1;
	while (going())
		x = spin(x);
	CHECK(write(2, "now\n", 4) == 4);
	kill(getpid(), SIGKILL);
	return 0;
}
