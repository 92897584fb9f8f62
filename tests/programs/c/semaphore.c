// System V semaphores: semtimedop waits its time, semop what can be had at once.
#include "guest.h"
#include <sys/ipc.h>
#include <sys/sem.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	int id = semget(IPC_PRIVATE, 2, 0600);
	CHECK(id >= 0);
	do {
		struct sembuf take = {0, -1, 0}, give = {0, 1, 0};
		struct timespec limit = {0, 30 * 1000000};
		int64_t start = clock_ms();
		FAILS(semtimedop(id, &take, 1, &limit), EAGAIN);
		CHECK(on_time(start, 30));
		CHECK(semop(id, &give, 1) == 0 && semctl(id, 0, GETVAL) == 1 && semctl(id, 0, GETPID) == getpid());
		CHECK(semtimedop(id, &take, 1, &limit) == 0 && semctl(id, 0, GETVAL) == 0);
		take.sem_flg = IPC_NOWAIT;
		FAILS(semop(id, &take, 1), EAGAIN);
	} while (going());
	CHECK(semctl(id, 0, IPC_RMID) == 0);
	return done("semaphore");
}
