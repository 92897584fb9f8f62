// A writev to a pipe that did not wait before and does now: after a short count all of the
// rest is written, also if the process moves while it waits for room.
#include "guest.h"
#include <sys/uio.h>
#include <sys/wait.h>

enum { SIZE = 640 << 10, PIECES = 7, PAUSE = 50000 /* us */ };
static uint32_t data[SIZE / 4];

// reads reads all of the data, slowly, and checks it, then ends.
static void reads(int fd) {
	static uint32_t got[SIZE / 4];
	size_t n = 0;
	for (ssize_t k; (k = read(fd, (char *)got + n, SIZE - n)) > 0; n += k)
		usleep(PAUSE);
	CHECK(n == SIZE && memcmp(got, data, SIZE) == 0);
	_exit(0);
}

static ssize_t write_pieces(int fd, const char *at, size_t n) {
	struct iovec v[PIECES];
	for (size_t i = 0, left = n; i < PIECES; i++) {
		size_t k = i < PIECES - 1 ? n / (PIECES + i) : left;
		v[i] = (struct iovec){(char *)at, k};
		at += k;
		left -= k;
	}
	return writev(fd, v, PIECES);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	for (size_t i = 0; i < SIZE / 4; i++)
		data[i] = (uint32_t)i * 2654435761u;
	do {
		int fd[2], status;
		CHECK(pipe(fd) == 0);
		pid_t child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			close(fd[1]);
			reads(fd[0]);
		}
		close(fd[0]);
		CHECK(fcntl(fd[1], F_SETFL, O_NONBLOCK) == 0);
		ssize_t k = write_pieces(fd[1], (char *)data, SIZE);
		CHECK(k > 0 && k < SIZE && fcntl(fd[1], F_SETFL, 0) == 0);
		CHECK(write_pieces(fd[1], (char *)data + k, SIZE - k) == SIZE - k);
		close(fd[1]);
		CHECK(waitpid(child, &status, 0) == child && status == 0);
	} while (going());
	return done("partwaits");
}
