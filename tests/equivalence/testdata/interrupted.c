// Waits by argv[1] for two seconds, and says how that ended.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv) {
	struct timespec t = {2, 0}, start, end;
	clock_gettime(CLOCK_MONOTONIC, &start);
	int poll_it = argc > 1 && strcmp(argv[1], "poll") == 0;
	int ret = poll_it ? poll(NULL, 0, 2000) : nanosleep(&t, &t), failure = ret ? errno : 0;
	clock_gettime(CLOCK_MONOTONIC, &end);
	long ms = (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
	printf("%d %d %s\n", ret, failure, ms >= 2000 ? "in time" : "too early");
	return 0;
}
