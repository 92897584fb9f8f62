// dup in all ways, descriptor flags, record locks and close_range.
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	int fd = open("descriptors.out", O_RDWR | O_CREAT, 0644);
	CHECK(fd >= 0 && write(fd, "0123456789", 10) == 10);
	do {
		int a = dup(fd), b = dup2(fd, 50), c = dup3(fd, 51, O_CLOEXEC), d = fcntl(fd, F_DUPFD_CLOEXEC, 60);
		CHECK(a > fd && b == 50 && c == 51 && d == 60);
		CHECK(fcntl(b, F_GETFD) == 0 && fcntl(c, F_GETFD) == FD_CLOEXEC && fcntl(d, F_GETFD) == FD_CLOEXEC);
		CHECK(lseek(a, 4, SEEK_SET) == 4 && lseek(d, 0, SEEK_CUR) == 4);
		CHECK(fcntl(a, F_SETFL, O_NONBLOCK | O_APPEND) == 0 && (fcntl(c, F_GETFL) & (O_NONBLOCK | O_APPEND)) == (O_NONBLOCK | O_APPEND));
		CHECK(fcntl(a, F_SETFL, 0) == 0);
		struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 4}, q = l;
		CHECK(fcntl(fd, F_SETLK, &l) == 0 && fcntl(a, F_GETLK, &q) == 0 && q.l_type == F_UNLCK);
		q.l_pid = 0, q.l_type = F_WRLCK;
		CHECK(fcntl(fd, F_OFD_GETLK, &q) == 0 && q.l_type == F_WRLCK && q.l_pid == getpid() && q.l_start == 2 && q.l_len == 4);
		l.l_type = F_UNLCK;
		CHECK(fcntl(fd, F_SETLK, &l) == 0);
		FAILS(dup2(99, 5), EBADF);
		FAILS(fcntl(fd, 12345), EINVAL);
		CHECK(close_range(50, 60, 0) == 0 && close(a) == 0);
		FAILS(close(51), EBADF);
	} while (going());
	return done("descriptors");
}
