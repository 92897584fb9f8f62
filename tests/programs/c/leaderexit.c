// The first thread ends before the others; the last one tells the result.
// flags: -pthread
#include "guest.h"
#include <pthread.h>

static pthread_t leader, first;
static pid_t pid;

static uint32_t compute(void) {
	volatile uint32_t x = 1;
	do {
		x = spin(x);
		CHECK(getpid() == pid && gettid() != pid && kill(pid, 0) == 0);
	} while (going());
	return x;
}

static void *work(void *arg) {
	void *value;
	CHECK(pthread_join(leader, &value) == 0 && value == &pid);
	CHECK(compute() != 0);
	return arg;
}

static void *last(void *arg) {
	void *value;
	(void)arg;
	CHECK(compute() != 0);
	CHECK(pthread_join(first, &value) == 0 && value == &leader);
	CHECK(getpid() == pid);
	exit(done("leaderexit"));
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t;
	leader = pthread_self();
	pid = getpid();
	CHECK(gettid() == pid);
	CHECK(pthread_create(&first, NULL, work, &leader) == 0);
	CHECK(pthread_create(&t, NULL, last, NULL) == 0);
	pthread_exit(&pid);
}
