// A thread that is not the first one becomes the program again: one thread, same pid.
// flags: -pthread
#include "guest.h"
#include <dirent.h>
#include <pthread.h>

static int ends[2];
static char *name;

static int tasks(void) {
	int n = 0;
	DIR *d = opendir("/proc/self/task");
	CHECK(d);
	for (struct dirent *e; (e = readdir(d)) != NULL; )
		n += e->d_name[0] != '.';
	CHECK(closedir(d) == 0);
	return n;
}

static void *reads(void *arg) {
	char c;
	CHECK(read(ends[0], &c, 1) == 99);
	return arg;
}

static void *computes(void *arg) {
	for (volatile uint32_t x = 1;;)
		x = spin(x);
	return arg;
}

static void *becomes(void *arg) {
	char half[16], pid[16];
	volatile uint32_t x = 1;
	do
		x = spin(x);
	while (going());
	CHECK(gettid() != getpid() && tasks() == 4);
	snprintf(half, sizeof half, "%d", guest_ms / 2);
	snprintf(pid, sizeof pid, "%d", getpid());
	execl("/proc/self/exe", name, half, "again", pid, (char *)NULL);
	CHECK(!"execl returned");
	return arg;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	if (argc > 3 && strcmp(argv[2], "again") == 0) {
		volatile uint32_t x = 1;
		do {
			CHECK(getpid() == atoi(argv[3]) && gettid() == getpid() && tasks() == 1);
			x = spin(x);
		} while (going());
		printf("the same pid, one task\n");
		return done("threadexec");
	}
	guest_end -= guest_ms / 2;
	name = argv[0];
	void *(*all[])(void *) = {reads, computes, becomes};
	pthread_t t[3];
	CHECK(pipe(ends) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&t[i], NULL, all[i], NULL) == 0);
	CHECK(pthread_join(t[0], NULL) == 99);
	return 1;
}
