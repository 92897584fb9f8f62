// Ioctls on pipes and on a terminal of its own; wrong ones fail as they should.
#include "guest.h"
#include <sys/ioctl.h>
#include <termios.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	int p[2], master = posix_openpt(O_RDWR | O_NOCTTY), n;
	CHECK(pipe(p) == 0 && master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	CHECK(slave >= 0);
	do {
		struct winsize w = {33, 77, 1, 2}, got;
		CHECK(ioctl(master, TIOCSWINSZ, &w) == 0 && ioctl(slave, TIOCGWINSZ, &got) == 0 && memcmp(&w, &got, sizeof w) == 0);
		struct termios t;
		CHECK(isatty(slave) && tcgetattr(slave, &t) == 0);
		t.c_lflag &= ~(ICANON | ECHO);
		CHECK(tcsetattr(slave, TCSANOW, &t) == 0);
		CHECK(write(master, "typed", 5) == 5);
		char buf[8];
		CHECK(read(slave, buf, 8) == 5 && memcmp(buf, "typed", 5) == 0);
		CHECK(write(p[1], "abc", 3) == 3 && ioctl(p[0], FIONREAD, &n) == 0 && n == 3 && read(p[0], buf, 3) == 3);
		FAILS(ioctl(p[0], TIOCGWINSZ, &w), ENOTTY);
		FAILS(ioctl(99, FIONREAD, &n), EBADF);
		n = 1;
		CHECK(ioctl(p[0], FIONBIO, &n) == 0 && (fcntl(p[0], F_GETFL) & O_NONBLOCK));
		n = 0;
		CHECK(ioctl(p[0], FIONBIO, &n) == 0);
	} while (going());
	return done("ioctls");
}
