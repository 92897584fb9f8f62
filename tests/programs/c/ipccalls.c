// Every call on System V's and POSIX's queues, semaphores and shared memory: what it
// gives, and how it fails.
// users: differ
#include "calls.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static char buf[512], *end;

static void semaphores(void) {
	struct semid_ds d;
	unsigned short values[3] = {1, 2, 3}, got[3];
	struct sembuf take = {0, -1, IPC_NOWAIT}, wide = {9, 1, 0}, ops[2] = {{1, -1, 0}, {2, 1, 0}};
	struct timespec t = {0, 1000000}, odd = {0, -1};
	CALL(semget, IPC_PRIVATE, 0, 0600);
	CALL(semget, IPC_PRIVATE, 1 << 20, 0600);
	int id = MAKE(semget, IPC_PRIVATE, 3, 0600);
	CALL(semctl, id, 0, SETALL, values);
	CALL(semctl, id, 0, SETALL, BAD);
	CALL(semctl, id, 0, GETALL, got);
	SHOW(got[2]);
	CALL(semctl, id, 0, GETALL, end - 6);
	CALL(semctl, id, 0, GETALL, end - 4);
	CALL(semctl, id, 2, SETVAL, 7);
	CALL(semctl, id, 2, GETVAL);
	CALL(semctl, id, 9, GETVAL);
	SHOW(JUST(semctl, id, 0, GETPID) == getpid());
	CALL(semctl, id, 0, IPC_STAT, &d);
	SHOW(d.sem_nsems);
	CALL(semctl, id, 0, IPC_STAT, BAD);
	d.sem_perm.mode = 0640;
	CALL(semctl, id, 0, IPC_SET, &d);
	CALL(semctl, id, 0, 99, &d);
	CALL(semop, id, &take, 1);
	CALL(semop, id, &take, 1);
	CALL(semop, id, ops, 2);
	CALL(semop, id, &wide, 1);
	CALL(semop, id, ops, 0);
	CALL(semop, id, BAD, 1);
	CALL(semop, id, end - 6, 2);
	CALL(semtimedop, id, ops, 2, &t);
	take.sem_flg = 0;
	CALL(semtimedop, id, &take, 1, &t);
	CALL(semtimedop, id, &take, 1, &odd);
	CALL(semtimedop, id, &take, 1, BAD);
	CALL(semctl, id, 0, GETALL, got);
	SHOW(got[0]), SHOW(got[1]), SHOW(got[2]);
	CALL(semctl, id, 0, IPC_RMID);
	CALL(semop, id, &take, 1);
}

static void queues(void) {
	struct { long type; char text[16]; } m = {5, "message"}, got = {0, ""};
	struct msqid_ds d;
	int id = MAKE(msgget, IPC_PRIVATE, 0600);
	CALL(msgget, 0x756d6f73, 0);
	CALL(msgsnd, id, &m, 8, 0);
	CALL(msgsnd, id, &m, -1, 0);
	CALL(msgsnd, id, BAD, 8, 0);
	CALL(msgsnd, id, end - 12, 8, 0);
	m.type = 0;
	CALL(msgsnd, id, &m, 8, 0);
	CALL(msgrcv, id, &got, 16, 9, IPC_NOWAIT);
	CALL(msgrcv, id, &got, 2, 5, IPC_NOWAIT);
	CALL(msgrcv, id, &got, -1, 5, IPC_NOWAIT);
	CALL(msgrcv, id, &got, 4, 5, MSG_NOERROR);
	SHOW(got.type);
	show(got.text, 6);
	m.type = 2;
	CALL(msgsnd, id, &m, 8, IPC_NOWAIT);
	CALL(msgctl, id, IPC_STAT, &d);
	SHOW(d.msg_qnum), SHOW(d.__msg_cbytes);
	CALL(msgctl, id, IPC_STAT, BAD);
	CALL(msgctl, id, IPC_SET, &d);
	CALL(msgctl, id, 99, &d);
	MAKE(msgctl, 0, IPC_INFO, buf);
	CALL(msgrcv, id, end - 10, 8, 0, 0);
	CALL(msgrcv, id, &got, 8, 0, IPC_NOWAIT);
	CALL(msgctl, id, IPC_RMID, NULL);
	CALL(msgctl, id, IPC_RMID, NULL);
	CALL(msgsnd, id, &m, 8, 0);
}

static void segments(void) {
	struct shmid_ds d;
	int id = MAKE(shmget, IPC_PRIVATE, 5000, 0600);
	CALL(shmget, IPC_PRIVATE, 0, 0600);
	CALL(shmget, 0x756d6f73, 1, 0);
	CALL(shmctl, id, IPC_STAT, &d);
	SHOW(d.shm_segsz), SHOW(d.shm_nattch);
	CALL(shmctl, id, IPC_STAT, end - 100);
	CALL(shmctl, id, IPC_SET, &d);
	CALL(shmctl, id, 99, &d);
	MAKE(shmctl, 0, IPC_INFO, buf);
	MAKE(shmctl, 0, 14 /* SHM_INFO */, buf);
	CALL(shmctl, id, IPC_RMID, NULL);
	CALL(shmctl, id, IPC_STAT, &d);
}

static void named(void) {
	struct mq_attr a = {.mq_maxmsg = 4, .mq_msgsize = 64}, got, wrong = {.mq_maxmsg = -1};
	struct timespec past = {1, 0}, odd = {0, -1};
	struct sigevent none = {.sigev_notify = SIGEV_NONE}, bad = {.sigev_notify = 99};
	char name[32];
	unsigned prio = 0;
	snprintf(name, sizeof name, "umosix-%d", getpid());
	int q = CALL(mq_open, name, O_RDWR | O_CREAT | O_EXCL, 0600, &a);
	CALL(mq_open, name, O_RDWR | O_CREAT | O_EXCL, 0600, &a);
	CALL(mq_open, "none", O_RDWR, 0, NULL);
	CALL(mq_open, "/a/b", O_RDWR, 0, NULL);
	CALL(mq_open, BAD, O_RDWR, 0, NULL);
	CALL(mq_open, "umosix-x", O_RDWR | O_CREAT, 0600, &wrong);
	CALL(mq_open, "umosix-x", O_RDWR | O_CREAT, 0600, BAD);
	CALL(mq_timedsend, q, "low", 3, 1, NULL);
	CALL(mq_timedsend, q, "high", 4, 9, NULL);
	CALL(mq_timedsend, q, buf, 65, 1, NULL);
	CALL(mq_timedsend, q, BAD, 4, 1, NULL);
	CALL(mq_timedsend, q, "x", 1, 1 << 20, NULL);
	CALL(mq_timedsend, 99, "x", 1, 1, NULL);
	CALL(mq_timedreceive, q, buf, 10, &prio, NULL);
	show(buf, CALL(mq_timedreceive, q, buf, sizeof buf, &prio, NULL));
	SHOW(prio);
	CALL(mq_timedreceive, q, BAD, 64, &prio, &past);
	CALL(mq_timedreceive, q, buf, 64, &prio, &past);
	CALL(mq_timedreceive, q, buf, 64, &prio, &odd);
	CALL(mq_timedreceive, q, buf, 64, &prio, BAD);
	CALL(mq_getsetattr, q, NULL, &got);
	SHOW(got.mq_maxmsg), SHOW(got.mq_msgsize), SHOW(got.mq_curmsgs);
	got.mq_flags = O_NONBLOCK;
	CALL(mq_getsetattr, q, &got, NULL);
	CALL(mq_getsetattr, q, BAD, NULL);
	CALL(mq_getsetattr, 0, NULL, &got);
	CALL(mq_timedreceive, q, buf, 64, NULL, NULL);
	CALL(mq_notify, q, &none);
	CALL(mq_notify, q, &none);
	CALL(mq_notify, q, NULL);
	CALL(mq_notify, q, &bad);
	CALL(mq_notify, q, BAD);
	CALL(mq_notify, 99, &none);
	CALL(mq_unlink, name);
	CALL(mq_unlink, name);
	CALL(mq_unlink, BAD);
	CALL(close, q);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	end = edge(1);
	do {
		semaphores();
		queues();
		segments();
		named();
	} while (again());
	return done("ipccalls");
}
