// A signal that sigsuspend blocks, and that is not blocked outside of it, comes after the
// one that ends it; so it is with threads, and for ppoll.
#include "guest.h"
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int first, second;

static void one(int sig) { (void)sig, first++; }
static void two(int sig) { (void)sig, second++; }

// sender sends its parent the two, the one that is blocked before, for each byte.
static int sender(int from, pid_t to) {
	char c;
	while (read(from, &c, 1) == 1) {
		usleep(3000);
		kill(to, SIGUSR2);
		usleep(c == 'q' ? 0 : 4000);
		kill(to, SIGUSR1);
	}
	return 0;
}

static void *idles(void *end) {
	char c;
	return read(*(int *)end, &c, 1) == 0 ? NULL : end;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int line[2], hold[2];
	sigset_t outside, inside;
	CHECK(pipe(line) == 0 && pipe(hold) == 0);
	pid_t child = fork();
	if (child == 0)
		_exit(close(line[1]) == 0 && close(hold[0]) == 0 && close(hold[1]) == 0 ? sender(line[0], getppid()) : 1);
	struct sigaction act = {.sa_handler = one};
	CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
	act.sa_handler = two;
	CHECK(sigaction(SIGUSR2, &act, NULL) == 0);
	sigemptyset(&outside), sigaddset(&outside, SIGUSR1);
	sigemptyset(&inside), sigaddset(&inside, SIGUSR2);
	pthread_t other;
	sigset_t all;
	sigfillset(&all);
	for (int n = 0; n == 0 || going(); n++) {
		if (n == 10) { // from here on with a thread that takes no signals
			CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0 && pthread_create(&other, NULL, idles, &hold[0]) == 0);
		}
		CHECK(pthread_sigmask(SIG_SETMASK, &outside, NULL) == 0);
		first = second = 0;
		CHECK(write(line[1], n % 3 ? "s" : "q", 1) == 1);
		if (n % 4 == 3)
			CHECK(ppoll(NULL, 0, NULL, &inside) == -1 && errno == EINTR);
		else
			CHECK(sigsuspend(&inside) == -1 && errno == EINTR);
		CHECK(first == 1);
		while (second == 0)
			usleep(1000);
		CHECK(second == 1);
		if (n == 9 && !going())
			break;
	}
	CHECK(close(line[1]) == 0 && close(hold[1]) == 0 && waitpid(child, NULL, 0) == child);
	return done("suspended");
}
