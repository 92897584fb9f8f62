// sleepers: two threads sleep, for 20 seconds at most, until SIGUSR1 wakes the first one,
// which says how its sleep ended.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void wake(int sig) { (void)sig; }

static void *sleeps(void *arg) {
	struct timespec limit = {.tv_sec = 20};
	nanosleep(&limit, NULL);
	return arg;
}

int main(void) {
	struct sigaction a = {.sa_handler = wake};
	struct timespec limit = {.tv_sec = 20};
	pthread_t other;
	sigset_t usr1;
	sigaction(SIGUSR1, &a, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	if (pthread_create(&other, NULL, sleeps, NULL))
		return 1;
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	int ret = nanosleep(&limit, NULL);
	printf("%d %s\n", ret, ret < 0 ? strerror(errno) : "");
	return 0;
}
