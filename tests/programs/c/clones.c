// Processes by clone and clone3: numbers written into memory, a stack of their own, a
// descriptor for the child, handlers that are cleared, another signal at the end.
#include "guest.h"
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static volatile pid_t told, own;
static volatile int ends;

static void count(int sig) { ends += sig == SIGUSR1; }
static void ignore(int sig) { (void)sig; }

static long clone3(struct clone_args *a) { return syscall(SYS_clone3, a, sizeof *a); }

static int child(void *arg) {
	CHECK(own == getpid());
	return (int)(intptr_t)arg;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	static char stack[65536] __attribute__((aligned(16)));
	int status;
	uint32_t x = 1;
	handle(SIGUSR1, count, SA_RESTART);
	handle(SIGUSR2, ignore, 0);
	do {
		pid_t c = clone(child, stack + sizeof stack, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD,
			(void *)5, &told, NULL, &own);
		CHECK(c > 0 && told == c && own == 0);
		CHECK(waitpid(c, &status, 0) == c && WEXITSTATUS(status) == 5);

		c = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_CHILD_SETTID | SIGCHLD, (void *)6, NULL, NULL, &own);
		CHECK(c > 0 && own == c);
		own = 0;
		CHECK(waitpid(c, &status, 0) == c && WEXITSTATUS(status) == 6);

		int pidfd = -1;
		struct clone_args a = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD};
		c = clone3(&a);
		CHECK(c >= 0);
		if (c == 0) {
			CHECK(fcntl(pidfd, F_GETFD) == -1);
			x = spin(x);
			_exit(7);
		}
		struct pollfd p = {.fd = pidfd, .events = POLLIN};
		while (poll(&p, 1, 5000) != 1)
			CHECK(errno == EINTR);
		siginfo_t info;
		CHECK(waitid(P_PIDFD, pidfd, &info, WEXITED) == 0 && info.si_pid == c && info.si_status == 7);
		CHECK(close(pidfd) == 0);

		struct clone_args clear = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
		c = clone3(&clear);
		CHECK(c >= 0);
		if (c == 0) {
			struct sigaction sa;
			CHECK(sigaction(SIGUSR2, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL);
			raise(SIGUSR2);
			_exit(1);
		}
		CHECK(waitpid(c, &status, 0) == c && WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2);

		int before = ends;
		c = syscall(SYS_clone, SIGUSR1, NULL, NULL, NULL, NULL);
		if (c == 0)
			_exit(8);
		FAILS(waitpid(c, &status, WNOHANG), ECHILD);
		CHECK(waitpid(c, &status, __WCLONE) == c && WEXITSTATUS(status) == 8 && ends == before + 1);

		x = spin(x);
	} while (going());
	FAILS(syscall(SYS_clone, CLONE_SIGHAND, NULL, NULL, NULL, NULL), EINVAL);
	struct clone_args bad = {.flags = CLONE_THREAD};
	FAILS(clone3(&bad), EINVAL);
	return done("clones");
}
