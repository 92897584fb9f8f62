// A program that prepares every kind of state, waits in a loop that holds vector
// registers, and then finds out whether all of it is still there. Its exit status
// is 0, or the number of the check that failed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define CHECK(n, c) do { if (!(c)) _exit(n); } while (0)

static volatile int go;
static volatile long rounds;
static __thread int tls = 4711;
static char altstack[64 << 10];
static volatile int handled, on_altstack, blocked;
static sigjmp_buf trap;
extern char etext;

static uint64_t hash(const unsigned char *p, size_t n) {
	uint64_t h = 1469598103934665603ull;
	for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 1099511628211ull;
	return h;
}

static void on_usr1(int sig, siginfo_t *info, void *context) {
	char here;
	sigset_t now;
	on_altstack = &here >= altstack && &here < altstack + sizeof altstack;
	sigprocmask(SIG_SETMASK, NULL, &now);
	blocked = sigismember(&now, SIGWINCH);
	handled += sig == SIGUSR1 && info->si_signo == SIGUSR1;
}

static void on_segv(int sig) { siglongjmp(trap, 1); }

static int faults(volatile char *p) {
	if (sigsetjmp(trap, 1)) return 1;
	(void)*p;
	return 0;
}

static int deep(int n) {
	volatile char frame[PAGE];
	memset((char *)frame, n, sizeof frame);
	return n == 0 ? frame[17] : deep(n - 1) + (frame[99] != (char)n);
}

static void *map(size_t n, int prot, int flags) {
	void *p = mmap(NULL, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	CHECK(90, p != MAP_FAILED);
	return p;
}

// spin waits for go with known values in the vector registers.
static int spin(void) {
	static uint64_t in[4] = {1, 2, 3, 0xfeedfacecafebeefull}, out[4];
	unsigned mxcsr, mxcsr_after;
	asm volatile("stmxcsr %0" : "=m"(mxcsr));
	asm volatile("vmovdqu %2, %%ymm15\n1: pause; incq %3; cmpl $0, %1; je 1b; vmovdqu %%ymm15, %0"
		: "=m"(out) : "m"(go), "m"(in), "m"(rounds) : "xmm15", "memory");
	asm volatile("stmxcsr %0" : "=m"(mxcsr_after));
	return memcmp(in, out, sizeof in) == 0 && mxcsr == mxcsr_after;
}

int main(int argc, char **argv) {
	size_t big = 8 << 20;
	unsigned char *heap = malloc(big);
	srand(7);
	for (size_t i = 0; i < big; i++) heap[i] = i % (3 * PAGE) < PAGE ? 0 : rand();
	uint64_t want = hash(heap, big);
	char *brk = sbrk(100 * PAGE);
	memset(brk, 0x5a, PAGE);
	char *end = sbrk(0);

	char *hidden = map(2 * PAGE, PROT_READ | PROT_WRITE, 0);
	strcpy(hidden, "under PROT_NONE");
	mprotect(hidden, 2 * PAGE, PROT_NONE);
	char *constant = map(PAGE, PROT_READ | PROT_WRITE, 0);
	strcpy(constant, "read-only");
	mprotect(constant, PAGE, PROT_READ);
	char *sparse = map(1ul << 38, PROT_NONE, MAP_NORESERVE);
	mprotect(sparse + (1ul << 37), PAGE, PROT_READ | PROT_WRITE);
	sparse[1ul << 37] = 42;
	char *cleared = map(PAGE, PROT_READ | PROT_WRITE, 0);
	memset(cleared, 1, PAGE);
	memset(cleared, 0, PAGE);

	int fd = open("/proc/self/exe", O_RDONLY);
	char *file = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), original[3 * PAGE];
	CHECK(91, file != MAP_FAILED && pread(fd, original, sizeof original, 0) == sizeof original);
	memset(file + PAGE, 0, PAGE); // a zero page that is not the file's
	close(fd);

	char *guarded = map(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	memset(guarded, 3, 4 * PAGE);
	int guards = madvise(guarded + PAGE, PAGE, 102) == 0;
	char *named = map(PAGE, PROT_READ | PROT_WRITE, 0);
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, PAGE, "mover");
	madvise(named, PAGE, MADV_DONTFORK);

	stack_t alt = {.ss_sp = altstack, .ss_size = sizeof altstack};
	sigaltstack(&alt, NULL);
	struct sigaction act = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
	sigaddset(&act.sa_mask, SIGWINCH);
	sigaction(SIGUSR1, &act, NULL);
	signal(SIGSEGV, on_segv);
	signal(SIGPIPE, SIG_IGN);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_NAME, "mover's name");
	fesetround(FE_UPWARD);
	tls++;
	struct timespec before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	unsigned long random = getauxval(AT_RANDOM), seed = *(unsigned long *)random;

	printf("%p %p %d\n", (void *)&go, (void *)&rounds, getpid());
	fflush(stdout);
	errno = 4242;
	if (argc > 1 && !strcmp(argv[1], "clock"))
		while (!go) { clock_gettime(CLOCK_MONOTONIC, &after); rounds++; }
	else
		CHECK(1, spin());

	CHECK(2, hash(heap, big) == want);
	CHECK(3, tls == 4712 && fegetround() == FE_UPWARD && errno == 4242);
	CHECK(4, sbrk(0) == end && brk[17] == 0x5a && sbrk(1 << 20) == end);
	memset(end, 1, 1 << 20);
	CHECK(5, deep(900) == 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK(6, after.tv_sec >= before.tv_sec && after.tv_sec < before.tv_sec + 600);
	CHECK(7, time(NULL) > 1000000000 && sched_getcpu() >= 0);
	raise(SIGUSR1);
	CHECK(8, handled == 1 && on_altstack && blocked);
	sigprocmask(SIG_SETMASK, NULL, &set);
	CHECK(9, sigismember(&set, SIGUSR2) == 1 && sigismember(&set, SIGUSR1) == 0);
	CHECK(10, sigaction(SIGPIPE, NULL, &act) == 0 && act.sa_handler == SIG_IGN);
	CHECK(11, faults(hidden) && mprotect(hidden, 2 * PAGE, PROT_READ) == 0 && !strcmp(hidden, "under PROT_NONE"));
	CHECK(12, !strcmp(constant, "read-only"));
	CHECK(13, sparse[1ul << 37] == 42 && faults(sparse));
	for (int i = 0; i < PAGE; i++) CHECK(14, cleared[i] == 0);
	for (int i = 0; i < PAGE; i++) CHECK(15, file[PAGE + i] == 0);
	CHECK(16, !memcmp(file, original, PAGE) && !memcmp(file + 2 * PAGE, original + 2 * PAGE, PAGE));
	CHECK(17, guarded[0] == 3 && guarded[2 * PAGE] == 3);
	CHECK(18, !guards || faults(guarded + PAGE));
	char name[16], auxv[512], args[512] = "";
	CHECK(19, prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "mover's name"));
	fd = open("/proc/self/auxv", O_RDONLY);
	ssize_t n = read(fd, auxv, sizeof auxv);
	int found = 0;
	for (ssize_t i = 0; i + 16 <= n; i += 16)
		found |= *(unsigned long *)(auxv + i) == AT_RANDOM && *(unsigned long *)(auxv + i + 8) == random;
	CHECK(20, found && *(unsigned long *)random == seed);
	close(fd);
	fd = open("/proc/self/cmdline", O_RDONLY);
	CHECK(21, read(fd, args, sizeof args - 1) > 0 && !strcmp(args, argv[0]));
	close(fd);
	free(heap);
	heap = malloc(32 << 20);
	CHECK(22, heap != NULL);
	memset(heap, 9, 32 << 20);
	stack_t now;
	CHECK(23, sigaltstack(NULL, &now) == 0 && now.ss_sp == altstack && now.ss_size == sizeof altstack);
	CHECK(24, getpid() != 0 && raise(SIGPIPE) == 0);
	_exit(0);
}
