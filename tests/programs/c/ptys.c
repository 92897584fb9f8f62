// A terminal of its own: line editing, echo, signals of keys, sizes and hang-up, packet
// mode, limits on reading, who has it.
#include "calls.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static char buf[5000];
static volatile int signals[65];
static void on_signal(int sig) { signals[sig]++; }

#define NOTE(call) outcome(#call, call)

// shown notes the n bytes that the master has to read, and that there are no more.
static void shown(int master, long n) {
	struct pollfd f = {master, POLLIN, 0};
	long all = 0, part;
	while (poll(&f, 1, all < n ? 10000 : 0) == 1 && (f.revents & POLLIN) && (part = read(master, buf + all, sizeof buf - all)) > 0)
		all += part;
	show(buf, all);
}

// fired waits for a signal, which comes in the course of a call at the latest.
static void fired(int sig) {
	for (int i = 0; i < 5000 && !signals[sig]; i++)
		usleep(1000);
	note("signal %d: %d\n", sig, signals[sig]);
	signals[sig] = 0;
}

static void lines(int master, int slave) {
	struct termios t, old;
	int n = 0;
	NOTE(tcgetattr(slave, &old));
	NOTE(write(master, "wrong\x15right\x7f!\nnext", 17));
	show(buf, NOTE(read(slave, buf, 100)));
	NOTE(ioctl(slave, FIONREAD, &n) ?: n);
	NOTE(write(master, "\x04", 1));
	show(buf, NOTE(read(slave, buf, 100)));
	NOTE(write(master, "\x04", 1));
	NOTE(read(slave, buf, 100));
	NOTE(write(slave, "to\tmaster\n", 10));
	shown(master, 45);
	t = old;
	cfmakeraw(&t);
	t.c_cc[VMIN] = 3, t.c_cc[VTIME] = 0;
	NOTE(tcsetattr(slave, TCSADRAIN, &t));
	NOTE(write(master, "ab\ncd", 5));
	show(buf, NOTE(read(slave, buf, 100)));
	t.c_cc[VMIN] = 0, t.c_cc[VTIME] = 1;
	NOTE(tcsetattr(slave, TCSAFLUSH, &t));
	NOTE(read(slave, buf, 100)); // after a tenth of a second
	NOTE(write(slave, "raw\n", 4));
	shown(master, 4);
	NOTE(tcsetattr(slave, TCSANOW, &old));
	NOTE(tcsetattr(slave, 99, &old));
	NOTE(tcflush(slave, TCIOFLUSH));
	NOTE(tcdrain(slave));
	NOTE(tcflow(slave, 99));
}

static void packets(int master, int slave) {
	int one = 1, mode = 0;
	NOTE(ioctl(master, TIOCPKT, &one));
	NOTE(ioctl(master, TIOCGPKT, &mode) ?: mode);
	NOTE(write(slave, "data", 4));
	show(buf, NOTE(read(master, buf, 100)));
	NOTE(tcflush(slave, TCIFLUSH));
	show(buf, NOTE(read(master, buf, 100)));
	one = 0;
	NOTE(ioctl(master, TIOCPKT, &one));
	NOTE(ioctl(slave, TIOCPKT, &one));
	NOTE(ioctl(slave, TIOCEXCL));
	NOTE(ioctl(slave, TIOCGEXCL, &mode) ?: mode);
	NOTE(ioctl(slave, TIOCNXCL));
	int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	NOTE(isatty(peer));
	SHOW(strcmp(ttyname(peer), ptsname(master)));
	CHECK(close(peer) == 0);
}

// keys make signals for the session that has the terminal.
static void keys(int master, int slave) {
	struct winsize w = {40, 100, 0, 0}, got;
	NOTE(ioctl(slave, TIOCSCTTY, 0));
	SHOW(tcgetpgrp(slave) == getpgrp()), SHOW(tcgetsid(slave) == getpid());
	NOTE(write(master, "\x03", 1));
	fired(SIGINT);
	shown(master, 2); // the next key takes away what is not read
	NOTE(write(master, "\x1c", 1));
	fired(SIGQUIT);
	shown(master, 2);
	NOTE(ioctl(master, TIOCSWINSZ, &w));
	fired(SIGWINCH);
	NOTE(ioctl(slave, TIOCGWINSZ, &got) ?: got.ws_col);
	int tty = NOTE(open("/dev/tty", O_RDWR));
	NOTE(write(tty, "tty", 3));
	shown(master, 3);
	CHECK(close(tty) == 0);
	NOTE(tcsetpgrp(slave, 1 << 22));
	NOTE(close(master));
	fired(SIGHUP);
	NOTE(read(slave, buf, 1));
	NOTE(write(slave, "x", 1));
	NOTE(close(slave));
	NOTE(open("/dev/tty", O_RDWR));
}

int main(int argc, char **argv) {
	begin(argc, argv);
	setsid(); // it may lead its session already
	for (int i = 0; i < 4; i++)
		handle((int[]){SIGINT, SIGQUIT, SIGWINCH, SIGHUP}[i], on_signal, SA_RESTART);
	do {
		int master = posix_openpt(O_RDWR | O_NOCTTY), unlocked = 77;
		CHECK(master >= 0);
		NOTE(ioctl(master, TIOCGPTLCK, &unlocked) ?: unlocked);
		NOTE(open(ptsname(master), O_RDWR | O_NOCTTY));
		CHECK(grantpt(master) == 0 && unlockpt(master) == 0);
		int slave = NOTE(open(ptsname(master), O_RDWR | O_NOCTTY));
		lines(master, slave);
		packets(master, slave);
		keys(master, slave);
	} while (again());
	return done("ptys");
}
