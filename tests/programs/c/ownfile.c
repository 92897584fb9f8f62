// A file that the program alone has mapped shared: what it stores there is in the file
// when a call of its own, or another process that it tells, reads it; what is written to
// the file is in its memory afterwards.
#include "guest.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { PAGES = 3, SIZE = PAGES * 4096 - 100 };

// reader says which byte it finds where it is told, and writes there when it is told.
static int reader(int line) {
	unsigned char c[4];
	int fd = open("own.out", O_RDONLY);
	CHECK(fd >= 0);
	while (read(line, c, 4) == 4) {
		off_t at = c[0] << 8 | c[1];
		if (c[2] == 'w') {
			int to = open("own.out", O_WRONLY);
			CHECK(to >= 0 && pwrite(to, &c[3], 1, at) == 1 && close(to) == 0);
		}
		CHECK(pread(fd, &c[3], 1, at) == 1 && write(line, &c[3], 1) == 1);
	}
	return 0;
}

static unsigned char ask(int line, off_t at, char what, unsigned char byte) {
	unsigned char c[4] = {at >> 8, at, what, byte};
	CHECK(write(line, c, 4) == 4 && read(line, &byte, 1) == 1);
	return byte;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int fd = open("own.out", O_RDWR | O_CREAT | O_TRUNC, 0600), line[2];
	CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) == 0);
	CHECK(close(fd) == 0);
	pid_t child = fork();
	if (child == 0)
		_exit(close(line[0]) == 0 ? reader(line[1]) : 1);
	CHECK(close(line[1]) == 0 && ask(line[0], 0, 'r', 0) == 0);
	CHECK((fd = open("own.out", O_RDWR)) >= 0);
	unsigned char *m = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	unsigned char *again = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	CHECK(m != MAP_FAILED && again != MAP_FAILED && close(fd) == 0);
	uint32_t x = 1, n = 0;
	do {
		x = spin(x);
		n++;
		off_t at = x % SIZE;
		m[at] = n;
		CHECK(ask(line[0], at, 'r', 0) == (unsigned char)n);
		m[4096 + n % 4096] = x;
		CHECK(again[n % 4096] == (unsigned char)x);
		if (n % 16 == 0)
			CHECK(msync(m + 4096, 4096, n % 32 ? MS_SYNC : MS_ASYNC) == 0);
		if (n % 64 == 5)
			CHECK(mprotect(again, 4096, PROT_READ | PROT_WRITE) == 0 && (again[1] = n) && ask(line[0], 4097, 'r', 0) == (unsigned char)n && mprotect(again, 4096, PROT_READ) == 0);
	} while (going());
	for (n = 0; n < 3; n++)
		CHECK(ask(line[0], SIZE - 1, 'w', 100 + n) == 100 + n && m[SIZE - 1] == 100 + n);
	CHECK(close(line[0]) == 0 && waitpid(child, NULL, 0) == child);
	for (int i = 0; i < SIZE; i++)
		m[i] = i % 251;
	strcpy((char *)m, "the last that it stores before it ends\n");
	return done("ownfile");
}
