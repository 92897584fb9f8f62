// Two processes storm each other with signals: queued ones come once each and in order,
// plain ones are not lost.
#include "guest.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

// Both count the queued signals of each number by their values. Every EACH signals the
// sender also sends a plain one, which the peer answers by a queued one.
enum { NUMBERS = 3, ANSWER = NUMBERS, END, QUEUES, EACH = 50 };
static pid_t peer;
static uid_t uid;
static volatile int got[QUEUES], plain;
static volatile struct { int line, sig, code, pid, value, wanted; } bad;
static int answers;
static sigset_t queued;

// queue sends one signal. At the limit of pending signals it lets those in that it has
// got itself: the peer may be at the limit, too.
static void queue(int number, int value) {
	sigset_t old;
	while (sigqueue(peer, SIGRTMIN + number, (union sigval){.sival_int = value})) {
		CHECK(errno == EAGAIN);
		CHECK(sigprocmask(SIG_UNBLOCK, &queued, &old) == 0);
		CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
	}
}

static void wrong(int line, siginfo_t *info, int wanted) {
	if (bad.line)
		return;
	bad.line = line, bad.sig = info->si_signo, bad.code = info->si_code;
	bad.pid = info->si_pid == peer, bad.value = info->si_value.sival_int, bad.wanted = wanted;
}

static void on_queued(int sig, siginfo_t *info, void *context) {
	(void)context;
	int number = sig - SIGRTMIN;
	if (info->si_pid != peer || info->si_uid != uid || info->si_code != SI_QUEUE)
		wrong(__LINE__, info, got[number]);
	if (info->si_value.sival_int != got[number])
		wrong(__LINE__, info, got[number]);
	got[number]++;
}

static void on_plain(int sig, siginfo_t *info, void *context) {
	(void)sig, (void)context;
	if (info->si_pid != peer || info->si_code != SI_USER)
		wrong(__LINE__, info, plain);
	plain++;
}

// on_child: the child has ended before it knew how much the parent has sent.
static void on_child(int sig, siginfo_t *info, void *context) {
	(void)sig, (void)context;
	wrong(__LINE__, info, 0);
}

static void check(void) {
	if (bad.line == 0)
		return;
	printf("line %d: signal %d, code %d, from the peer %d, value %d, wanted %d\n",
	       bad.line, bad.sig, bad.code, bad.pid, bad.value, bad.wanted);
	exit(99);
}

static void answer(void) {
	while (answers < plain)
		queue(ANSWER, answers), answers++;
}

static void install(void) {
	struct sigaction a = {.sa_flags = SA_SIGINFO | SA_RESTART};
	sigfillset(&a.sa_mask);
	a.sa_sigaction = on_plain;
	CHECK(sigaction(SIGUSR1, &a, NULL) == 0);
	a.sa_sigaction = on_child;
	CHECK(sigaction(SIGCHLD, &a, NULL) == 0);
	a.sa_sigaction = on_queued;
	for (int i = 0; i < QUEUES; i++) {
		CHECK(sigaction(SIGRTMIN + i, &a, NULL) == 0);
		CHECK(sigaddset(&queued, SIGRTMIN + i) == 0);
	}
}

// await waits in different ways until the queue has brought so many; no signal is lost
// between the look and the sleep, as all are blocked meanwhile.
static void await(int number, int count, int sleeps) {
	sigset_t all, old;
	sigfillset(&all);
	while (!sleeps && got[number] < count && !bad.line)
		answer();
	CHECK(sigprocmask(SIG_SETMASK, &all, &old) == 0);
	while (answer(), got[number] < count) {
		FAILS(sigsuspend(&old), EINTR);
		check();
	}
	CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
}

// storm sends total signals, or sends until the time is over; then it says how many it
// sent of each number, and waits for the peer's.
static int storm(int total) {
	int sent = 0, asked = 0;
	do {
		if (sent % 7 == 0) // let some gather
			CHECK(sigprocmask(SIG_BLOCK, &queued, NULL) == 0);
		queue(sent % NUMBERS, sent / NUMBERS);
		if (++sent % 7 == 0)
			CHECK(sigprocmask(SIG_UNBLOCK, &queued, NULL) == 0);
		if (sent % EACH == 0) {
			asked++;
			CHECK(sigprocmask(SIG_UNBLOCK, &queued, NULL) == 0);
			CHECK(kill(peer, SIGUSR1) == 0);
			await(ANSWER, asked, asked % 3);
		}
		answer();
		check();
	} while (sent % EACH != 0 || sent < total || going());
	CHECK(sigprocmask(SIG_UNBLOCK, &queued, NULL) == 0);
	CHECK(got[ANSWER] == asked);
	for (int i = 0; i < QUEUES; i++)
		queue(END, i);
	await(END, QUEUES, 1);
	return sent;
}

// compare: what each has sent the other has got.
static void compare(int sent, const int ends[2], const int other[2]) {
	int theirs;
	handle(SIGCHLD, SIG_DFL, 0);
	CHECK(write(other[1], &sent, sizeof sent) == sizeof sent);
	CHECK(read(ends[0], &theirs, sizeof theirs) == sizeof theirs);
	for (int i = 0; i < NUMBERS; i++)
		CHECK(got[i] == (theirs + NUMBERS - 1 - i) / NUMBERS);
	CHECK(plain == theirs / EACH);
	check();
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int total = argc > 2 ? atoi(argv[2]) : 0, limit = argc > 3 ? atoi(argv[3]) : 0;
	int down[2], up[2], status;
	struct rlimit pending = {limit, limit};
	if (limit)
		CHECK(setrlimit(RLIMIT_SIGPENDING, &pending) == 0);
	CHECK(pipe(down) == 0 && pipe(up) == 0);
	install();
	uid = getuid();
	sigset_t all, old;
	sigfillset(&all);
	CHECK(sigprocmask(SIG_SETMASK, &all, &old) == 0); // until both know each other
	pid_t parent = getpid(), child = fork();
	CHECK(child >= 0);
	peer = child ? child : parent;
	CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
	if (child == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
		compare(storm(total), down, up);
		return 0;
	}
	compare(storm(total), up, down);
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return done("sigstorm");
}
