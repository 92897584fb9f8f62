// The restartable sequence that glibc registers: its CPU number is kept right.
#include "guest.h"
#include <sched.h>
#include <sys/rseq.h>
#include <sys/syscall.h>

static volatile struct rseq *area(void) {
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	CHECK(__rseq_size > 0);
	uint32_t x = 1;
	int agreed = 0, wrong = 0;
	do {
		x = spin(x);
		unsigned before = area()->cpu_id, asked = 0;
		CHECK(syscall(SYS_getcpu, &asked, NULL, NULL) == 0);
		unsigned after = area()->cpu_id;
		if (before != after || (int)after == RSEQ_CPU_ID_UNINITIALIZED)
			continue; // preempted meanwhile, or on a machine with other CPUs
		agreed += asked == before;
		wrong += asked != before;
	} while (going());
	CHECK(wrong <= agreed / 4 + 2);
	return done("rseq");
}
