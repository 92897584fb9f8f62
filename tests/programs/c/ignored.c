// Ignored signals keep coming while it waits in every way; none of them is seen.
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { MS = 40 };

int main(int argc, char **argv) {
	begin(argc, argv);
	handle(SIGALRM, SIG_IGN, 0);
	struct itimerval every = {{0, 7000}, {0, 7000}};
	int pair[2], ep = epoll_create1(0), id = semget(IPC_PRIVATE, 1, 0600);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && ep >= 0 && id >= 0);
	struct timeval socket_limit = {0, MS * 1000};
	CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &socket_limit, sizeof socket_limit) == 0);
	sigset_t usr1;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
	do {
		struct epoll_event e;
		struct sembuf take = {0, -1, 0};
		struct timespec limit = {0, MS * 1000000};
		char c;
		CHECK(epoll_wait(ep, &e, 1, MS) == 0);
		FAILS(semtimedop(id, &take, 1, &limit), EAGAIN);
		FAILS(recv(pair[0], &c, 1, 0), EAGAIN);
		FAILS(sigtimedwait(&usr1, NULL, &limit), EAGAIN);
		CHECK(poll(NULL, 0, MS) == 0);
		CHECK(nanosleep(&limit, NULL) == 0);
	} while (going());
	CHECK(semctl(id, 0, IPC_RMID) == 0);
	return done("ignored");
}
