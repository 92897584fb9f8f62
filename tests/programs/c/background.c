// A process in the background of its terminal is stopped when it reads, writes, or changes
// it, each time before anything has happened, and does it when it is in the foreground.
#include "guest.h"
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

enum { READS, WRITES, SETS, TAKES, WAYS };
static const char *const ways[WAYS] = {"reads", "writes", "sets", "takes"};
static int master, terminal;

static int act(int way) {
	struct termios t;
	char c = 0;
	switch (way) {
	case READS:
		return read(terminal, &c, 1) == 1 && c == 'x';
	case WRITES:
		return write(terminal, "y", 1) == 1;
	case SETS:
		return tcgetattr(terminal, &t) == 0 && tcsetattr(terminal, TCSANOW, &t) == 0;
	default:
		return tcsetpgrp(terminal, getpgrp()) == 0;
	}
}

static void in_background(int way) {
	int status, sig = way == READS ? SIGTTIN : SIGTTOU;
	char c;
	fflush(stdout);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		CHECK(setpgid(0, 0) == 0);
		_exit(act(way) ? 7 : 8);
	}
	CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == sig);
	CHECK(tcgetpgrp(terminal) == getpgrp());
	CHECK(kill(child, SIGCONT) == 0); // still in the background
	CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == sig);
	CHECK(write(master, "x", 1) == 1);
	CHECK(tcsetpgrp(terminal, child) == 0);
	CHECK(kill(child, SIGCONT) == 0);
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK(signal(SIGTTOU, SIG_IGN) != SIG_ERR && tcsetpgrp(terminal, getpgrp()) == 0 && signal(SIGTTOU, SIG_DFL) != SIG_ERR);
	if (way != READS)
		CHECK(read(terminal, &c, 1) == 1);
	if (way == WRITES)
		CHECK(read(master, &c, 1) == 1 && c == 'y');
	printf("%s: stopped by %d twice\n", ways[way], sig);
}

int main(int argc, char **argv) {
	struct termios t;
	int status;
	begin(argc, argv);
	CHECK((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	fflush(stdout);
	pid_t leader = fork();
	CHECK(leader >= 0);
	if (leader > 0) {
		CHECK(waitpid(leader, &status, 0) == leader);
		CHECK(status == 0);
		for (uint32_t x = 1; going();)
			x = spin(x);
		return done("background");
	}
	CHECK(setsid() == getpid());
	CHECK((terminal = open(ptsname(master), O_RDWR)) >= 0);
	CHECK(tcgetattr(terminal, &t) == 0);
	cfmakeraw(&t);
	t.c_lflag |= TOSTOP;
	CHECK(tcsetattr(terminal, TCSANOW, &t) == 0);
	for (int way = 0; way < WAYS; way++)
		in_background(way);
	fflush(stdout);
	_exit(0);
}
