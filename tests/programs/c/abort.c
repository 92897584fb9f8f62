// Dies by abort(3), past a handler for SIGABRT that returns.
// exit: SIGABRT
#include "guest.h"

static void on_abort(int sig) {
	(void)sig;
	CHECK(write(1, "handler\n", 8) == 8);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	handle(SIGABRT, on_abort, 0);
	uint32_t x = 1;
	while (going())
		x = spin(x);
	abort();
}
