// readv, writev, preadv and pwritev with uneven, empty and many vectors.
#include "guest.h"
#include <sys/uio.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	int fd = open("vectors.out", O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0);
	volatile int toomany = 2000;
	char a[7], b[4096], c[10000], many[64][3];
	memset(a, 'a', sizeof a), memset(b, 'b', sizeof b), memset(c, 'c', sizeof c);
	do {
		struct iovec v[4] = {{a, sizeof a}, {NULL, 0}, {b, sizeof b}, {c, sizeof c}}, m[64];
		const ssize_t all = sizeof a + sizeof b + sizeof c;
		CHECK(lseek(fd, 0, SEEK_SET) == 0 && writev(fd, v, 4) == all);
		CHECK(pwritev(fd, v, 1, 50) == 7 && lseek(fd, 0, SEEK_CUR) == all);
		memset(b, 0, sizeof b);
		CHECK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, v, 4) == all && b[0] == 'b' && b[43] == 'a' && b[50] == 'b');
		memset(b, 'b', sizeof b);
		for (int i = 0; i < 64; i++)
			m[i] = (struct iovec){many[i], 3};
		CHECK(preadv(fd, m, 64, 1) == 192 && many[1][2] == 'a' && many[2][0] == 'b');
		CHECK(preadv(fd, m, 64, all - 5) == 5);
		FAILS(writev(fd, m, toomany), EINVAL);
	} while (going());
	return done("vectors");
}
