// A signal that is ignored comes before one that is handled, both in a call that lets them in.
#include "guest.h"
#include <sys/epoll.h>
#include <sys/wait.h>

static volatile sig_atomic_t taken;
static void count(int sig) { taken += sig == SIGWINCH; }

int main(int argc, char **argv) {
	begin(argc, argv);
	sigset_t both, none;
	sigemptyset(&both);
	sigaddset(&both, SIGCHLD); // of the lower number, it is taken first
	sigaddset(&both, SIGWINCH);
	CHECK(sigprocmask(SIG_BLOCK, &both, &none) == 0);
	handle(SIGWINCH, count, 0);
	int events = epoll_create1(0), want = 0;
	do {
		siginfo_t info;
		struct epoll_event event;
		pid_t c = fork();
		if (c == 0)
			_exit(kill(getppid(), SIGWINCH) == 0 ? 7 : 8);
		CHECK(c > 0 && waitid(P_PID, c, &info, WEXITED) == 0 && info.si_status == 7);
		FAILS(epoll_pwait(events, &event, 1, 10000, &none), EINTR);
		CHECK(taken == ++want);
	} while (going());
	return done("ignoredfirst");
}
