// Waits for argv[2] milliseconds in the way that argv[1] names, argv[3] times, and
// prints for each wait how many microseconds it was late (negative: early), or the
// error that ended it.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

int main(int argc, char **argv) {
	if (argc != 4)
		return 2;
	int ms = atoi(argv[2]), pair[2], ep = epoll_create1(0), id = semget(IPC_PRIVATE, 1, 0600);
	struct timespec limit = {ms / 1000, ms % 1000 * 1000000};
	struct timeval socket_limit = {ms / 1000, ms % 1000 * 1000};
	sigset_t usr1;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &socket_limit, sizeof socket_limit);
	for (int n = atoi(argv[3]); n > 0; n--) {
		struct epoll_event e;
		struct sembuf take = {0, -1, 0};
		struct timespec rest;
		char c;
		int r = -1, want = EAGAIN;
		long long begun = now();
		errno = 0;
		if (strcmp(argv[1], "epoll_wait") == 0)
			r = epoll_wait(ep, &e, 1, ms), want = 0;
		else if (strcmp(argv[1], "semtimedop") == 0)
			r = semtimedop(id, &take, 1, &limit);
		else if (strcmp(argv[1], "recv") == 0)
			r = recv(pair[0], &c, 1, 0);
		else if (strcmp(argv[1], "sigtimedwait") == 0)
			r = sigtimedwait(&usr1, NULL, &limit);
		else if (strcmp(argv[1], "poll") == 0)
			r = poll(NULL, 0, ms), want = 0;
		else if (strcmp(argv[1], "nanosleep") == 0)
			r = nanosleep(&limit, &rest), want = 0;
		long long late = now() - begun - ms * 1000LL;
		if (errno != want || r != (want ? -1 : 0))
			printf("returned %d: %s\n", r, strerror(errno));
		else
			printf("%lld\n", late);
	}
	semctl(id, 0, IPC_RMID);
	return 0;
}
