// What a process has asked of the kernel for its memory and its waits holds wherever it
// is, and for its children: barriers, huge pages, the slack of timers.
#include "guest.h"
#include <linux/membarrier.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0); }

static void verify(long slack) {
	CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0);
	CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ) == 0);
	CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE) == -1 && errno == EPERM); // not registered
	CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1);
	CHECK(prctl(PR_GET_TIMERSLACK) == slack);
}

static void compute(void) {
	uint32_t x = 1;
	for (int i = 0; i < 60; i++)
		x = spin(x);
	printf("%u\n", x);
	fflush(stdout);
}

int main(int argc, char **argv) {
	int status;
	begin(argc, argv);
	CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == -1 && errno == EPERM);
	compute();
	CHECK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0);
	CHECK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ) == 0);
	CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_TIMERSLACK, 12345) == 0);
	verify(12345);
	compute();
	verify(12345);
	pid_t child = fork();
	CHECK(child >= 0);
	compute();
	verify(12345);
	if (child == 0)
		_exit(3);
	CHECK(waitpid(child, &status, 0) == child && status == 3 << 8);
	return done("modes");
}
