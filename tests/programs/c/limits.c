// Resource limits: read, lowered, seen by prlimit, and enforced by home.
#include "guest.h"
#include <sys/resource.h>

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
		CHECK(sysconf(_SC_OPEN_MAX) == (long)files.rlim_cur && sysconf(_SC_PAGESIZE) == 4096);
	} while (going());
	return done("limits");
}
