// A process stops itself, and its parent, which sees that, sends it a signal and continues it:
// when its call returns it has been stopped and has taken the signal.
#include "guest.h"
#include <sys/wait.h>

enum { WAYS = 3, ROUNDS = 6 };
static volatile sig_atomic_t got;

static void on_value(int sig, siginfo_t *info, void *context) {
	(void)sig, (void)context;
	got = info->si_value.sival_int;
}

static void stop_in(int way) {
	switch (way) {
	case 0:
		CHECK(raise(SIGSTOP) == 0);
		break;
	case 1:
		CHECK(kill(getpid(), SIGSTOP) == 0);
		break;
	default:
		CHECK(kill(getpid(), SIGTSTP) == 0);
	}
}

// be_child stops itself as often as its parent writes a byte.
static void be_child(int end) {
	char c;
	for (int round = 1; read(end, &c, 1) == 1; round++) {
		stop_in(round % WAYS);
		CHECK(got == round);
	}
	exit(0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int ends[2], status, round = 0;
	struct sigaction action = {.sa_sigaction = on_value, .sa_flags = SA_SIGINFO | SA_RESTART};
	CHECK(sigaction(SIGRTMIN, &action, NULL) == 0);
	CHECK(pipe(ends) == 0);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		CHECK(setpgid(0, 0) == 0); // with its parent outside, so that SIGTSTP stops it
		close(ends[1]);
		be_child(ends[0]);
	}
	while (++round <= ROUNDS || going()) {
		CHECK(write(ends[1], "g", 1) == 1);
		CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
		CHECK(WSTOPSIG(status) == (round % WAYS == 2 ? SIGTSTP : SIGSTOP));
		CHECK(sigqueue(child, SIGRTMIN, (union sigval){.sival_int = round}) == 0);
		CHECK(kill(child, SIGCONT) == 0);
	}
	close(ends[1]);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	return done("stopself");
}
