// The first thread ends while others are in calls that write to memory when they end.
// flags: -pthread
#include "guest.h"
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

static int word[2], answer[2];
static pthread_t leader, reader;

static void *reads(void *arg) {
	char text[8];
	CHECK(read(word[0], text, sizeof(text)) == 4 && memcmp(text, "word", 4) == 0);
	return arg;
}

static void *naps(void *arg) {
	struct timespec limit = {guest_ms / 1000, guest_ms % 1000 * 1000000L}, left = limit;
	(void)arg;
	CHECK(nanosleep(&limit, &left) == 0);
	struct pollfd p = {.fd = answer[0], .events = POLLIN};
	void *value;
	CHECK(pthread_join(leader, &value) == 0 && value == &leader);
	CHECK(poll(&p, 1, 60000) == 1 && p.revents == POLLIN);
	CHECK(pthread_join(reader, &value) == 0 && value == &word);
	exit(done("leaderleft"));
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t t;
	leader = pthread_self();
	CHECK(pipe(word) == 0 && pipe(answer) == 0);
	pid_t child = fork(); // writes when the first thread has long ended
	CHECK(child >= 0);
	if (child == 0) {
		poll(NULL, 0, 2 * guest_ms);
		_exit(write(word[1], "word", 4) != 4 || write(answer[1], "now", 3) != 3);
	}
	CHECK(pthread_create(&reader, NULL, reads, &word) == 0);
	CHECK(pthread_create(&t, NULL, naps, NULL) == 0);
	while (clock_ms() < guest_end - guest_ms / 2)
		spin(1);
	pthread_exit(&leader);
}
