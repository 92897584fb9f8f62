// Resource limits: read, lowered, seen by prlimit, and enforced.
#include "guest.h"
#include <sys/mman.h>
#include <sys/resource.h>

// full: no memory is to be had while the process may have no more of it.
static void full(int resource) {
	struct rlimit old;
	CHECK(getrlimit(resource, &old) == 0);
	struct rlimit small = {1 << 20, old.rlim_max};
	char *had = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(had != MAP_FAILED && setrlimit(resource, &small) == 0);
	had[5 << 20] = 'h';
	for (int i = 0; i < 8; i++) {
		spin(1);
		FAILS((long)mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	}
	CHECK(had[5 << 20] == 'h' && munmap(had, 8 << 20) == 0);
	CHECK(setrlimit(resource, &old) == 0);
	void *p = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED && munmap(p, 8 << 20) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	struct rlimit files, core, now;
	CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0 && getrlimit(RLIMIT_CORE, &core) == 0);
	handle(SIGXFSZ, SIG_IGN, 0);
	do {
		struct rlimit few = {20, files.rlim_max};
		CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0 && prlimit(0, RLIMIT_NOFILE, NULL, &now) == 0 && now.rlim_cur == 20);
		FAILS(dup2(0, 20), EBADF);
		CHECK(dup2(0, 19) == 19 && close(19) == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0);
		struct rlimit small = {1000, RLIM_INFINITY}, old;
		CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
		small.rlim_max = old.rlim_max;
		int fd = open("limits.out", O_RDWR | O_CREAT | O_TRUNC, 0644);
		char page[4096];
		memset(page, 'l', sizeof page);
		CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0 && write(fd, page, 4096) == 1000);
		FAILS(write(fd, page, 1), EFBIG);
		CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0 && close(fd) == 0);
		full(RLIMIT_AS);
		full(RLIMIT_DATA);
		CHECK(sysconf(_SC_OPEN_MAX) == (long)files.rlim_cur && sysconf(_SC_PAGESIZE) == 4096);
	} while (going());
	return done("limits");
}
