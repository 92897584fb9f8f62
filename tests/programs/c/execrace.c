// Threads wait in calls while another one execs: the new program has what exec keeps.
// flags: -pthread
#include "guest.h"
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>

// Even rounds are ended by the leader, odd ones by another thread. What is passed on by
// the command line is what the next round must find.
enum { READ, SLEEP, FUTEX, POLL, WAITERS };
enum { KEPT = 20, CLOSED, PIPE };
static int ends[2], rounds;
static char **line;
static sem_t ready, never;

// count counts the tasks, or descriptors, in a range of numbers.
static int count(const char *dir, int from, int to) {
	int n = 0;
	DIR *d = opendir(dir);
	CHECK(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.' && atoi(e->d_name) >= from && atoi(e->d_name) < to;
	CHECK(closedir(d) == 0);
	return n;
}

static void *waits(void *arg) {
	struct timespec t = {600, 0};
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	char c;
	sem_post(&ready);
	switch ((int)(intptr_t)arg) {
	case READ: CHECK(read(ends[0], &c, 1) == 99); break;
	case SLEEP: CHECK(nanosleep(&t, NULL) == 99); break;
	case FUTEX: CHECK(sem_wait(&never) == 99); break;
	default: CHECK(poll(&p, 1, -1) == 99);
	}
	return arg;
}

// becomes execs with a mask, pending signals and descriptors that are to be found again.
static void *becomes(void *arg) {
	char left[16], pid[16], round[16];
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1 + (rounds % 2 ? 2 : 0)); // SIGUSR1 or SIGUSR2
	sigaddset(&mask, SIGRTMIN + 1);
	sigaddset(&mask, SIGALRM);
	CHECK(pthread_sigmask(SIG_SETMASK, &mask, NULL) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, (union sigval){.sival_int = rounds + i}) == 0);
	CHECK(pthread_kill(pthread_self(), SIGALRM) == 0);
	snprintf(left, sizeof left, "%d", (int)(guest_end - clock_ms()));
	snprintf(pid, sizeof pid, "%d", getpid());
	snprintf(round, sizeof round, "%d", rounds + 1);
	execl("/proc/self/exe", line[0], left, line[2], round, pid, (char *)NULL);
	CHECK(!"execl returned");
	return arg;
}

// inherited checks what the last round has left.
static void inherited(int pid) {
	sigset_t mask, pending, rt;
	struct timespec now = {0, 0};
	siginfo_t info;
	CHECK(getpid() == pid && gettid() == pid && count("/proc/self/task", 1, 1 << 30) == 1);
	CHECK(sigprocmask(SIG_SETMASK, NULL, &mask) == 0 && sigpending(&pending) == 0);
	int last = rounds - 1, usr = SIGUSR1 + (last % 2 ? 2 : 0);
	for (int sig = 1; sig < SIGRTMAX; sig++) {
		CHECK(sigismember(&mask, sig) == (sig == usr || sig == SIGRTMIN + 1 || sig == SIGALRM));
		CHECK(sigismember(&pending, sig) == (sig == SIGRTMIN + 1 || sig == SIGALRM));
	}
	sigemptyset(&rt);
	sigaddset(&rt, SIGRTMIN + 1);
	for (int i = 0; i < 3; i++)
		CHECK(sigtimedwait(&rt, &info, &now) == SIGRTMIN + 1 && info.si_value.sival_int == last + i);
	FAILS(sigtimedwait(&rt, &info, &now), EAGAIN);
	sigemptyset(&rt);
	sigaddset(&rt, SIGALRM);
	CHECK(sigtimedwait(&rt, &info, &now) == SIGALRM);
	char text[16], c;
	CHECK(lseek(KEPT, 0, SEEK_CUR) == 4 * last);
	CHECK(count("/proc/self/fd", KEPT, KEPT + 10) == 3);
	CHECK(pread(KEPT, text, 4, 0) == (last ? 4 : 0));
	FAILS(fcntl(CLOSED, F_GETFD), EBADF);
	CHECK(read(PIPE, &c, 1) == 1 && c == 'a' + last % 26);
}

// leave makes the descriptors for the next round: a file with its place, one that is
// closed by exec, and a pipe with a byte.
static void leave(void) {
	int p[2];
	if (rounds == 0) {
		int fd = open("kept", O_RDWR | O_CREAT | O_TRUNC, 0600);
		CHECK(fd >= 0 && dup2(fd, KEPT) == KEPT && close(fd) == 0 && pipe(p) == 0);
		CHECK(dup2(p[0], PIPE) == PIPE && dup2(p[1], PIPE + 1) == PIPE + 1 && close(p[0]) == 0 && close(p[1]) == 0);
	} else
		CHECK(write(KEPT, "abcd", 4) == 4);
	CHECK(dup3(KEPT, CLOSED, O_CLOEXEC) == CLOSED);
	char c = 'a' + rounds % 26;
	CHECK(write(PIPE + 1, &c, 1) == 1);
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int total = argc > 2 ? atoi(argv[2]) : 0;
	char *first[] = {argv[0], argc > 1 ? argv[1] : "100", argc > 2 ? argv[2] : "0", NULL};
	line = first;
	rounds = argc > 3 ? atoi(argv[3]) : 0;
	if (argc > 4)
		inherited(atoi(argv[4]));
	if (rounds > 1 && rounds >= total && !going()) {
		CHECK(unlink("kept") == 0);
		return done("execrace");
	}
	leave();
	pthread_t t;
	CHECK(sem_init(&ready, 0, 0) == 0 && sem_init(&never, 0, 0) == 0);
	for (int i = 0; i < WAITERS; i++)
		CHECK(pthread_create(&t, NULL, waits, (void *)(intptr_t)i) == 0);
	for (int i = 0; i < WAITERS; i++)
		CHECK(sem_wait(&ready) == 0);
	volatile uint32_t x = 1;
	for (int i = 0; i < rounds % 4; i++) // some are in their calls, some not yet
		x = spin(x);
	if (rounds % 2 == 0)
		becomes(NULL);
	CHECK(pthread_create(&t, NULL, becomes, NULL) == 0 && pthread_join(t, NULL) == 99);
	return 1;
}
