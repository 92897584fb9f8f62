// All threads block the signals, one waits for them: queued ones come all and in order.
// build: dynamic musl
// flags: -pthread
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

enum { SENDERS = 2, ROOM = 8, END = -1 };
static sigset_t set;
static sem_t room;
static long queued[SENDERS], sent[SENDERS], usual[SENDERS];

static void *receive(void *arg) {
	(void)arg;
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(&set, &info);
		if (sig < 0) {
			CHECK(errno == EINTR); // a stop may do this
			continue;
		}
		CHECK(sig == info.si_signo && info.si_pid == getpid() && info.si_uid == getuid());
		if (sig == SIGRTMIN) {
			int value = info.si_value.sival_int;
			CHECK(info.si_code == SI_QUEUE);
			if (value == END)
				return NULL;
			CHECK(value / SENDERS == queued[value % SENDERS]);
			queued[value % SENDERS]++;
			sem_post(&room);
		} else {
			CHECK((sig == SIGUSR1 || sig == SIGUSR2) && info.si_code == SI_USER);
			usual[sig == SIGUSR2]++;
		}
	}
}

static void *dispatch(void *arg) {
	int me = (int)(intptr_t)arg;
	volatile uint32_t x = 1;
	do {
		for (int i = 0; i < 5; i++) {
			while (sem_wait(&room))
				CHECK(errno == EINTR);
			CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = sent[me]++ * SENDERS + me}) == 0);
		}
		CHECK(kill(getpid(), me ? SIGUSR2 : SIGUSR1) == 0);
		x = spin(x);
	} while (going());
	return NULL;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	pthread_t receiver, worker;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2), sigaddset(&set, SIGRTMIN);
	CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 && sem_init(&room, 0, ROOM) == 0);
	CHECK(pthread_create(&receiver, NULL, receive, NULL) == 0);
	CHECK(pthread_create(&worker, NULL, dispatch, (void *)1) == 0);
	dispatch((void *)0);
	CHECK(pthread_join(worker, NULL) == 0);
	CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = END}) == 0);
	CHECK(pthread_join(receiver, NULL) == 0);
	for (int i = 0; i < SENDERS; i++)
		CHECK(queued[i] == sent[i] && usual[i] >= 1 && usual[i] <= sent[i] / 5);
	return done("sigthread");
}
