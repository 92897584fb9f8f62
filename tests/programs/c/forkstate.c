// What a child inherits and what it does not: mask, handlers, ignored signals, alternate
// stack, limits, umask, directory, descriptors with their offsets; not pending signals,
// timers, or locks. Then what a program inherits that it starts.
#include "guest.h"
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

static volatile int handled;
static void note(int sig) { handled += sig; }

static int blocks(int sig) {
	sigset_t set;
	CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0);
	return sigismember(&set, sig);
}

static void (*handler(int sig))(int) {
	struct sigaction action;
	CHECK(sigaction(sig, NULL, &action) == 0);
	return action.sa_handler;
}

static int program(void) { // started by main, below
	CHECK(blocks(SIGUSR2) && !blocks(SIGUSR1) && !blocks(SIGCHLD));
	CHECK(handler(SIGHUP) == SIG_IGN && handler(SIGUSR1) == SIG_DFL);
	sigset_t pending;
	CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2) && !sigismember(&pending, SIGUSR1));
	struct itimerval left;
	CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec > 1000);
	return 21;
}

static void child(int fd) {
	sigset_t set;
	struct itimerval timer;
	struct rlimit limit;
	stack_t stack;
	struct sigaction action;
	CHECK(sigpending(&set) == 0 && !sigismember(&set, SIGUSR2));
	CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR2) && !sigismember(&set, SIGUSR1));
	CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == note && action.sa_flags & SA_RESTART);
	CHECK(sigaltstack(NULL, &stack) == 0 && stack.ss_size == 16384 && stack.ss_flags == 0);
	CHECK(getitimer(ITIMER_REAL, &timer) == 0 && timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0);
	CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 4096);
	CHECK(umask(022) == 027);
	CHECK(lseek(fd, 0, SEEK_CUR) == 3 && lseek(fd, 5, SEEK_SET) == 5);
	kill(getpid(), SIGUSR1);
	CHECK(handled == SIGUSR1);
	kill(getpid(), SIGUSR2);
	setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_sec = 5000}, NULL);
	execl("/proc/self/exe", "forkstate", "program", (char *)NULL);
	_exit(1);
}

int main(int argc, char **argv) {
	if (argc > 1 && strcmp(argv[1], "program") == 0)
		return program();
	begin(argc, argv);
	static char alternate[16384];
	int status, fd = open("/etc/passwd", O_RDONLY);
	sigset_t set;
	handle(SIGUSR1, note, SA_RESTART);
	CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	CHECK(sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof alternate}, NULL) == 0);
	CHECK(setrlimit(RLIMIT_CORE, &(struct rlimit){4096, 8192}) == 0);
	umask(027);
	kill(getpid(), SIGUSR2);
	uint32_t x = 1;
	do {
		CHECK(lseek(fd, 3, SEEK_SET) == 3);
		CHECK(setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_sec = 9000}, NULL) == 0);
		pid_t c = fork();
		if (c == 0)
			child(fd);
		x = spin(x);
		CHECK(waitpid(c, &status, 0) == c && WIFEXITED(status) && WEXITSTATUS(status) == 21);
		CHECK(lseek(fd, 0, SEEK_CUR) == 5 && handled == 0);
		x = spin(x);
	} while (going());
	return done("forkstate");
}
