// A program with one reason to stay at home, named by its argument: it says when it has
// it and when it has it no more, and goes on each time when it is given a byte.
#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NEED(x) do { if (!(x)) { printf("line %d: %s\n", __LINE__, #x); exit(77); } } while (0)
#define IS(name) (strcmp(what, name) == 0)

static char *what;
static char stack[16384] __attribute__((aligned(16)));

static int waits(void *unused) {
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return pause() + (unused != NULL);
}

static void stand(const char *text) {
	char c;
	printf("%s\n", text);
	NEED(read(0, &c, 1) == 1);
}

// tracer traces its parent until it is killed.
static int tracer(pid_t parent, int to) {
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	NEED(ptrace(PTRACE_SEIZE, parent, 0, 0) == 0 && write(to, "x", 1) == 1);
	for (int status;;) {
		pid_t pid = waitpid(parent, &status, __WALL);
		if (pid == parent && WIFSTOPPED(status))
			ptrace(PTRACE_CONT, parent, 0, status >> 16 ? 0 : WSTOPSIG(status));
	}
}

// reason sets a reason up, or takes it away.
static void reason(int on) {
	static char *p;
	static int fd, id;
	static unsigned long ctx;
	static pid_t child;
	const int rw = PROT_READ | PROT_WRITE;
	if (IS("shared") || IS("file") || IS("file-rw") || IS("opened") || IS("large")) {
		if (!on) {
			NEED(strcmp(p, "text") == 0 && munmap(p, IS("large") ? 2 << 20 : 4096) == 0 && (!child || (kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child)));
			return;
		}
		fd = open("data", IS("file") ? O_RDONLY : O_RDWR);
		NEED(fd >= 0 && (!IS("file-rw") || fchmod(fd, 0666) == 0) && (!IS("large") || ftruncate(fd, 2 << 20) == 0));
		if (IS("opened") && (child = fork()) == 0)
			_exit(waits(NULL));
		p = mmap(NULL, IS("large") ? 2 << 20 : 4096, IS("file") || IS("file-rw") ? PROT_READ : rw, MAP_SHARED, fd, 0);
		NEED(p != MAP_FAILED && close(fd) == 0);
		if (IS("shared") && (child = fork()) == 0)
			_exit(waits(NULL));
	} else if (IS("inherited")) {
		if (!on) {
			NEED(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child && strcmp(p, "text") == 0);
			return;
		}
		NEED((p = mmap(NULL, 4096, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
		if ((child = fork()) == 0)
			_exit(waits(NULL));
		strcpy(p, "text");
	} else if (IS("sysv")) {
		NEED(on ? (id = shmget(IPC_PRIVATE, 4096, 0600)) >= 0 && (p = shmat(id, NULL, 0)) != (void *)-1 && shmctl(id, IPC_RMID, NULL) == 0 : shmdt(p) == 0);
	} else if (IS("aio")) {
		NEED((on ? syscall(SYS_io_setup, 8, &ctx) : syscall(SYS_io_destroy, ctx)) == 0);
	} else if (IS("uring")) {
		char params[120] = {0};
		NEED(on ? (fd = syscall(SYS_io_uring_setup, 8, params)) >= 0 : close(fd) == 0);
	} else if (IS("userfaultfd")) {
		NEED(on ? (fd = syscall(SYS_userfaultfd, 1)) >= 0 : close(fd) == 0);
	} else if (IS("secret")) {
		NEED(on ? (fd = syscall(SYS_memfd_secret, 0)) >= 0 && ftruncate(fd, 4096) == 0 && (p = mmap(NULL, 4096, rw, MAP_SHARED, fd, 0)) != MAP_FAILED : munmap(p, 4096) == 0 && close(fd) == 0);
	} else if (IS("device")) {
		struct perf_event_attr counter = {.type = PERF_TYPE_SOFTWARE, .size = sizeof counter, .config = PERF_COUNT_SW_TASK_CLOCK, .exclude_kernel = 1};
		NEED(on ? (fd = syscall(SYS_perf_event_open, &counter, 0, -1, -1, 0)) >= 0 && (p = mmap(NULL, 8192, rw, MAP_SHARED, fd, 0)) != MAP_FAILED : munmap(p, 8192) == 0 && close(fd) == 0);
	} else if (IS("huge")) {
		NEED(on ? (p = mmap(NULL, 2 << 20, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0)) != MAP_FAILED : munmap(p, IS("large") ? 2 << 20 : 4096) == 0);
	} else if (IS("itimer")) {
		struct itimerval late = {.it_value.tv_sec = on ? 1000 : 0};
		NEED(setitimer(ITIMER_PROF, &late, NULL) == 0);
	} else if (IS("timer")) {
		static timer_t timer;
		NEED((on ? timer_create(CLOCK_THREAD_CPUTIME_ID, NULL, &timer) : timer_delete(timer)) == 0);
	} else if (IS("limit")) {
		struct rlimit late = {.rlim_cur = on ? 1000 : RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
		NEED(setrlimit(RLIMIT_CPU, &late) == 0);
	} else if (IS("behind")) {
		NEED(on ? (fd = open("data", O_RDONLY)) >= 0 && unlink("data") == 0 && (p = mmap(NULL, 8192, rw, MAP_PRIVATE, fd, 0)) != MAP_FAILED : munmap(p, 8192) == 0 && close(fd) == 0);
	} else if (IS("deleted")) {
		NEED(on ? (fd = open("data", O_RDWR)) >= 0 && unlink("data") == 0 && (p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0)) != MAP_FAILED : munmap(p, 4096) == 0 && close(fd) == 0);
	} else if (IS("counter")) {
		NEED(prctl(PR_SET_TSC, on ? PR_TSC_SIGSEGV : PR_TSC_ENABLE) == 0);
	} else if (IS("cpuid")) {
		NEED(syscall(SYS_arch_prctl, ARCH_SET_CPUID, !on) == 0);
	} else if (IS("dispatch")) {
		static char selector; // allows
		NEED(prctl(PR_SET_SYSCALL_USER_DISPATCH, on ? PR_SYS_DISPATCH_ON : PR_SYS_DISPATCH_OFF, 0, 0, on ? &selector : NULL) == 0);
	} else if (IS("view")) {
		NEED(on ? (fd = open("/proc/self/maps", O_RDONLY)) >= 0 : close(fd) == 0);
	} else if (IS("child")) {
		NEED(on ? (child = clone(waits, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL)) > 0 : kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	} else if (IS("traced")) {
		int ends[2];
		char c;
		if (!on) {
			NEED(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
			return;
		}
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
		pid_t parent = getpid();
		NEED(pipe(ends) == 0);
		if ((child = fork()) == 0)
			_exit(tracer(parent, ends[1]));
		NEED(child > 0 && read(ends[0], &c, 1) == 1);
	} else if (IS("locked")) {
		NEED(on || (mlock(stack, 4096) == 0 && munlock(stack, 4096) == 0));
	} else if (IS("32-bit")) {
		long pid;
		if (!on) {
			__asm__ volatile("int $0x80" : "=a"(pid) : "0"(20L) : "memory", "r8", "r9", "r10", "r11");
			NEED(pid == getpid());
		}
	} else if (IS("unknown")) {
		NEED(on || syscall(5000) == -1);
	} else if (IS("cut")) {
		NEED(on ? (fd = open("data", O_RDWR)) >= 0 && (p = mmap(NULL, 4096, rw, MAP_PRIVATE, fd, 0)) != MAP_FAILED : ftruncate(fd, 4) == 0);
	} else if (IS("policy")) {
		NEED(on || syscall(SYS_set_mempolicy, 0, NULL, 0) == 0);
	} else if (IS("looked")) {
		NEED(on || ((fd = open("/proc/self/statm", O_RDONLY)) >= 0 && close(fd) == 0));
	}
}

int main(int argc, char **argv) {
	setvbuf(stdout, NULL, _IONBF, 0);
	NEED(argc == 2);
	what = argv[1];
	reason(1);
	stand("on");
	reason(0);
	stand("off");
	return 7;
}
