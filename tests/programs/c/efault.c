// Bad pointers: EFAULT where the kernel says so, short counts at the edge, no byte
// of a pipe lost, and the order of checks as at home.
#include "guest.h"
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	char *volatile nowhere = (char *)8;
	char *room = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(munmap(room + 8192, 4096) == 0);
	char *edge = room + 8192, *bad = nowhere, buf[16];
	int fd = open("efault.out", O_RDWR | O_CREAT | O_TRUNC, 0644), p[2];
	CHECK(fd >= 0 && pipe(p) == 0 && write(fd, "0123456789", 10) == 10);
	memset(room, 'r', 8192);
	int first = 1;
	do {
		CHECK(read(fd, bad, 0) == 0);
		FAILS(pread(fd, bad, 4, 0), EFAULT);
		FAILS(write(fd, bad, 4), EFAULT);
		ssize_t part = pread(fd, edge - 4, 10, 0);
		FAILS(pread(99, bad, 10, 0), EBADF);
		FAILS(open(bad, O_RDONLY), EFAULT);
		FAILS(open(edge - 3, O_RDONLY), EFAULT);
		FAILS(stat("efault.out", (struct stat *)bad), EFAULT);
		FAILS(stat("not-there", (struct stat *)bad), ENOENT);
		FAILS(pipe((int *)bad), EFAULT);
		FAILS(poll((struct pollfd *)(edge - 4), 1, 0), EFAULT);
		FAILS(clock_nanosleep(CLOCK_REALTIME, 0, (void *)bad, NULL) == EFAULT ? (errno = EFAULT, -1) : 0, EFAULT);
		struct iovec v[2] = {{buf, 4}, {bad, 4}};
		CHECK(write(p[1], "abcdefgh", 8) == 8);
		ssize_t split = readv(p[0], v, 2);
		int why = errno;
		CHECK(split == -1 || memcmp(buf, "abcd", split) == 0);
		ssize_t rest = read(p[0], buf, 16);
		CHECK(rest > 0 && buf[rest - 1] == 'h');
		CHECK(write(p[1], "xy", 2) == 2);
		FAILS(read(p[0], bad, 2), EFAULT);
		CHECK(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
		ssize_t n = read(p[0], buf, 16);
		if (first) // the kernel's own choices, to be compared with those of home
			printf("part %zd, split %zd errno %d rest %zd, after a fault %zd\n", part, split, why, rest, n);
		first = 0;
		CHECK(fcntl(p[0], F_SETFL, 0) == 0);
		FAILS(readlink("efault.out", bad, 10), EINVAL);
		CHECK(write(p[1], edge - 5, 5) == 5 && read(p[0], edge - 5, 5) == 5);
		CHECK(mprotect(room + 4096, 4096, PROT_READ) == 0);
		FAILS(pread(fd, room + 4096, 4, 0), EFAULT);
		CHECK(pwrite(fd, room + 4096, 4, 20) == 4);
		CHECK(mprotect(room + 4096, 4096, PROT_READ | PROT_WRITE) == 0);
	} while (going());
	return done("efault");
}
