// What one thread writes to a file is there before what another, woken by it, writes to a pipe.
// flags: -pthread
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// Round by round one thread writes the number of the round into the file at the place of
// the round and wakes the other by a futex, which writes the number to the pipe. Whoever
// reads the pipe must find the number in the file, and at home cannot see the futex.
static volatile int turn; // the round whose file is written, then minus that
static volatile int total; // rounds; 0: until the time is over; then minus those that were
static int file, out;

static void await(int value) {
	for (int now; (now = turn) != value;)
		if (syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0))
			CHECK(errno == EAGAIN || errno == EINTR);
}

static void pass(int value) {
	turn = value;
	CHECK(syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) >= 0);
}

static void *tell(void *arg) {
	for (int round = 1; round; round++) {
		await(round);
		if (total < 0 && round > -total)
			return arg;
		CHECK(write(out, &round, sizeof round) == sizeof round);
		pass(-round);
	}
	return arg;
}

static void writes(void) {
	pthread_t t;
	int round = 0;
	CHECK(pthread_create(&t, NULL, tell, NULL) == 0);
	while (round < total || going()) {
		round++;
		CHECK(pwrite(file, &round, sizeof round, round * sizeof round) == sizeof round);
		pass(round);
		await(-round);
	}
	total = -round;
	pass(round + 1);
	CHECK(pthread_join(t, NULL) == 0);
}

// reads checks what comes by the pipe until it ends.
static int reads(int in) {
	int round, found, last = 0;
	for (ssize_t n; (n = read(in, &round, sizeof round)) != 0; last = round) {
		CHECK(n == sizeof round && round == last + 1);
		CHECK(pread(file, &found, sizeof found, round * sizeof round) == sizeof found && found == round);
	}
	CHECK(last >= total);
	return last;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int ends[2], status;
	total = argc > 2 ? atoi(argv[2]) : 0;
	CHECK((file = open("rounds", O_RDWR | O_CREAT, 0600)) >= 0);
	if (argc > 3 && strcmp(argv[3], "read") == 0) {
		reads(0);
		return done("ordered");
	}
	if (argc > 3) {
		out = 1;
		writes();
		return 0;
	}
	CHECK(pipe(ends) == 0);
	pid_t reader = fork();
	if (reader == 0) {
		close(ends[1]);
		CHECK(reads(ends[0]) > 0);
		return 0;
	}
	close(ends[0]);
	out = ends[1];
	writes();
	close(out);
	CHECK(waitpid(reader, &status, 0) == reader && status == 0 && unlink("rounds") == 0);
	return done("ordered");
}
