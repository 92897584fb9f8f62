// A program with one thing that does not move, named by its argument.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long go, rounds;
static pid_t owner, parent;

// waits_on ends with the program in whose memory it runs.
static int waits_on(void *unused) {
	while (kill(owner, 0) == 0) usleep(10000);
	return unused != NULL;
}

// waits is for a child of *parent, and ends with that, also if it has ended before.
static int waits(void *parent) {
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return getppid() == *(pid_t *)parent ? pause() : 0;
}

// parts leaves a child behind that runs in the same memory.
static int parts(void *stack) { return clone(waits_on, stack, CLONE_VM | SIGCHLD, NULL) < 0; }

int main(int argc, char **argv) {
	const char *what = argv[1];
	owner = getpid(), parent = getppid();
	void *p = "";
	int fd = 0;
	if (!strcmp(what, "nothing")) {
	} else if (!strcmp(what, "shared")) {
		fd = memfd_create("shared", 0);
		p = ftruncate(fd, 4096) ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	} else if (!strcmp(what, "anonymous") || !strcmp(what, "twice")) {
		p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (!strcmp(what, "twice")) p = mremap(p, 0, 4096, MREMAP_MAYMOVE);
	} else if (!strcmp(what, "file")) {
		fd = open(argv[2], O_RDONLY);
		p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	} else if (!strcmp(what, "file-rw") || !strncmp(what, "own", 3)) {
		fd = open(argv[2], O_RDWR);
		if (!strcmp(what, "file-rw") && fchmod(fd, 0666)) return 77;
		if (!strcmp(what, "own-large") && ftruncate(fd, 2 << 20)) return 77;
		if (!strcmp(what, "own-opened") && fork() == 0) _exit(waits(&owner));
		p = mmap(NULL, 2 << 20, !strcmp(what, "file-rw") ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (strcmp(what, "own-large") && munmap((char *)p + 8192, (2 << 20) - 8192)) return 77;
		if (!strcmp(what, "own-mapped") && fork() == 0) _exit(waits(&owner));
	} else if (!strcmp(what, "sysv")) {
		int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
		p = shmat(id, NULL, 0);
		shmctl(id, IPC_RMID, NULL);
	} else if (!strcmp(what, "aio")) {
		unsigned long ctx = 0;
		fd = syscall(SYS_io_setup, 8, &ctx);
	} else if (!strcmp(what, "uring")) {
		char params[120] = {0};
		fd = syscall(SYS_io_uring_setup, 8, params);
	} else if (!strcmp(what, "userfaultfd")) {
		fd = syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */);
	} else if (!strcmp(what, "seccomp")) {
		struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
		struct sock_fprog prog = {1, &allow};
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		fd = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
	} else if (!strcmp(what, "child")) {
		static char stack[16384] __attribute__((aligned(16)));
		fd = clone(waits, stack + sizeof stack, CLONE_VM | SIGCHLD, &owner);
	} else if (!strcmp(what, "sibling")) {
		static char stack[16384] __attribute__((aligned(16)));
		fd = clone(waits, stack + sizeof stack, CLONE_VM | CLONE_PARENT | SIGCHLD, &parent);
	} else if (!strcmp(what, "grandchild")) {
		static char stack[2][16384] __attribute__((aligned(16)));
		fd = clone(parts, stack[0] + sizeof stack[0], CLONE_VM | SIGCHLD, stack[1] + sizeof stack[1]);
		if (fd > 0 && waitpid(fd, NULL, 0) != fd) return 78;
	} else if (!strcmp(what, "deleted")) {
		fd = open(argv[2], O_RDWR);
		p = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		close(fd);
		unlink(argv[2]);
		((char *)p)[4096] = 'X';
	}
	if (p == MAP_FAILED || p == (void *)-1 || fd < 0) return 77;
	printf("%p %p %d\n", (void *)&go, (void *)&rounds, getpid());
	fflush(stdout);
	while (!go) rounds++;
	if (!strcmp(what, "deleted")) {
		char *c = p;
		_exit(!(c[0] == 'a' && c[4096] == 'X' && c[4097] == 'b' && c[8191] == 'b'));
	}
	_exit(0);
}
