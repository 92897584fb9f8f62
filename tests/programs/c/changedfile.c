// A file that a process has mapped privately is written, becomes shorter, and longer: it
// sees what the file holds where it has not stored itself; what it had stored in a part that
// was cut off is gone, and what lies behind the end raises SIGBUS, EFAULT in a call.
#include "guest.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { PAGE = 4096 };
static sigjmp_buf back;
static void on_bus(int sig) { siglongjmp(back, sig); }

static int faults(volatile char *p) {
	if (sigsetjmp(back, 1))
		return 1;
	return *p == 0 ? 0 : *p == 'a' ? 2 : 3;
}

static void compute(void) {
	for (uint32_t i = 0, x = 1; i < 30; i++)
		x = spin(x);
}

// written: what is written to the file shows where the program has not stored itself.
static void written(int fd, const char *name) {
	char page[PAGE], *p;
	memset(page, 'a', PAGE);
	CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, page, PAGE, 0) == PAGE && pwrite(fd, page, PAGE, PAGE) == PAGE);
	CHECK((p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)) != MAP_FAILED);
	p[PAGE] = 'b';
	compute();
	CHECK(p[0] == 'a' && pwrite(fd, "c", 1, 0) == 1 && pwrite(fd, "c", 1, PAGE) == 1);
	CHECK(p[0] == 'c' && p[1] == 'a' && p[PAGE] == 'b');
	compute();
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		int other = open(name, O_WRONLY);
		_exit(!(other >= 0 && pwrite(other, "d", 1, 0) == 1 && pwrite(other, "d", 1, PAGE) == 1));
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(p[0] == 'd' && p[PAGE] == 'b' && munmap(p, 2 * PAGE) == 0);
	compute();
}

// cut_by makes the file shorter in one way, and tells what is seen of three pages.
static void cut_by(int way, int fd, const char *name) {
	CHECK(ftruncate(fd, 0) == 0 && ftruncate(fd, 3 * PAGE) == 0);
	char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	int line[2], other;
	CHECK(p != MAP_FAILED && pipe(line) == 0);
	memset(p, 'a', 3 * PAGE);
	compute();
	switch (way) {
	case 0:
		CHECK(ftruncate(fd, PAGE) == 0);
		break;
	case 1:
		CHECK(truncate(name, PAGE) == 0);
		break;
	case 2:
		CHECK((other = open(name, O_WRONLY | O_TRUNC)) >= 0 && close(other) == 0);
		break;
	case 3: { // by somebody else
		pid_t child = fork();
		CHECK(child >= 0);
		if (child == 0)
			_exit(truncate(name, PAGE) != 0);
		int status;
		CHECK(waitpid(child, &status, 0) == child && status == 0);
		break;
	}
	}
	printf("%d: %d %d %d\n", way, faults(p), faults(p + PAGE), faults(p + 2 * PAGE));
	compute();
	FAILS(write(line[1], p + PAGE, 10), EFAULT);
	CHECK(write(line[1], "0123456789", 10) == 10);
	FAILS(read(line[0], p + PAGE, 10), EFAULT);
	CHECK(ftruncate(fd, 3 * PAGE) == 0);
	printf("%d: again %d %d\n", way, faults(p + PAGE), faults(p + 2 * PAGE));
	fflush(stdout);
	compute();
	CHECK(munmap(p, 3 * PAGE) == 0 && close(line[0]) == 0 && close(line[1]) == 0);
}

int main(int argc, char **argv) {
	const char *name = "changed";
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	begin(argc, argv);
	handle(SIGBUS, on_bus, 0);
	CHECK(fd >= 0);
	for (int way = 0; way < 4; way++)
		cut_by(way, fd, name);
	written(fd, name);
	CHECK(unlink(name) == 0);
	// Behind the end from the start, and a file that is gone.
	CHECK(ftruncate(fd, PAGE) == 0);
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(p != MAP_FAILED);
	p[0] = 'a';
	compute();
	printf("%d %d\n", faults(p), faults(p + PAGE));
	FAILS(write(1, p + PAGE, 1), EFAULT);
	return done("changedfile");
}
