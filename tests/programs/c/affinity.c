// build: dynamic static
// Processors are chosen and asked for, by a process and for its threads; who has chosen
// one sees no other.
#include "guest.h"
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static cpu_set_t all;
static volatile pid_t tid;
static volatile int over;

static void choose(pid_t who, int cpu) {
	cpu_set_t one, now;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	CHECK(sched_setaffinity(who, sizeof one, &one) == 0);
	CHECK(sched_getaffinity(who, sizeof now, &now) == 0 && CPU_EQUAL(&one, &now));
}

// on: the calling thread runs on that processor, by all that tells.
static int on(int cpu) {
	unsigned a = -1, b = -1;
	return syscall(SYS_getcpu, &a, NULL, NULL) == 0 && a == (unsigned)cpu && getcpu(&b, NULL) == 0 &&
	       b == (unsigned)cpu && sched_getcpu() == cpu;
}

static void *second(void *arg) {
	uint32_t x = 1;
	CHECK(on((int)(long)arg)); // inherited
	tid = gettid();
	while (!over) {
		x = spin(x);
		CHECK(CPU_ISSET(sched_getcpu(), &all));
	}
	return NULL;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
	long online = sysconf(_SC_NPROCESSORS_ONLN), configured = sysconf(_SC_NPROCESSORS_CONF);
	int list[CPU_SETSIZE], n = 0, turn = 0;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all))
			list[n++] = i;
	uint32_t x = 1;
	do {
		int cpu = list[turn++ % n], next = list[turn % n];
		choose(0, cpu);
		pthread_t t;
		tid = over = 0;
		CHECK(pthread_create(&t, NULL, second, (void *)(long)cpu) == 0);
		for (int i = 0; i < 3; i++) {
			x = spin(x);
			CHECK(on(cpu));
		}
		while (!tid)
			sched_yield();
		choose(tid, next);
		CHECK(on(cpu));
		pid_t child = fork();
		if (child == 0) {
			CHECK(on(cpu));
			choose(0, next);
			x = spin(x);
			CHECK(on(next));
			_exit(0);
		}
		int status;
		CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
		over = 1;
		CHECK(pthread_join(t, NULL) == 0);
		CHECK(sched_setaffinity(0, sizeof all, &all) == 0 && CPU_ISSET(sched_getcpu(), &all));
		CHECK(sysconf(_SC_NPROCESSORS_ONLN) == online && sysconf(_SC_NPROCESSORS_CONF) == configured);
		cpu_set_t none;
		CPU_ZERO(&none);
		FAILS(sched_setaffinity(0, sizeof none, &none), EINVAL);
		FAILS(sched_setaffinity(0, sizeof all, (void *)1), EFAULT);
	} while (going());
	return done("affinity");
}
