// An interval timer interrupts computing and sleeping; no tick is lost for long.
// build: dynamic static
#include "guest.h"
#include <sys/time.h>

static volatile sig_atomic_t ticks;
static void tick(int sig) { (void)sig; ticks++; }

int main(int argc, char **argv) {
	begin(argc, argv);
	handle(SIGALRM, tick, SA_RESTART);
	struct itimerval every = {{0, 10000}, {0, 10000}}, left;
	CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
	uint32_t x = 1;
	do {
		int before = ticks;
		while (ticks < before + 3)
			x = spin(x);
		CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_interval.tv_usec == 10000);
		struct timespec nap = {0, 30 * 1000000};
		while (nanosleep(&nap, &nap) == -1)
			CHECK(errno == EINTR);
	} while (going() || ticks < 6); // on a busy machine several are one
	memset(&every, 0, sizeof every);
	CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
	CHECK(ticks >= 6);
	CHECK(alarm(1000) == 0 && alarm(0) >= 999);
	return done("itimer");
}
