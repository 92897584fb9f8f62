// Two processes and the locks of a file: record locks, who holds them, waiting,
// deadlock, their loss at a close; flock; open-description locks; leases.
#include "calls.h"
#include <sys/file.h>
#include <sys/wait.h>

static int ask[2], answer[2], file;

static long lock(int fd, int cmd, int type, long start) {
	struct flock l = {.l_type = type, .l_start = start, .l_len = 10};
	long ret = fcntl(fd, cmd, &l);
	if (ret == 0 && (cmd == F_GETLK || cmd == F_OFD_GETLK))
		return l.l_type == F_UNLCK ? 1000 : l.l_type * 100 + l.l_start + (l.l_pid == getppid() ? 7 : l.l_pid == -1 ? 8 : 9);
	return ret == -1 ? -errno : ret;
}

// child does what it is asked to and answers with the result.
static int child(void) {
	int other = -1;
	for (char c; read(ask[0], &c, 1) == 1;) {
		long ret = 0;
		switch (c) {
		case 't': ret = lock(file, F_SETLK, F_WRLCK, 0); break;
		case 'r': ret = lock(file, F_SETLK, F_RDLCK, 0); break;
		case 'w': ret = lock(file, F_SETLKW, F_WRLCK, 0); break;
		case 'W':
			if ((ret = lock(file, F_SETLKW, F_WRLCK, 0)) == -EDEADLK)
				CHECK(lock(file, F_SETLK, F_UNLCK, 20) == 0);
			break;
		case 'u': ret = lock(file, F_SETLK, F_UNLCK, 0); break;
		case 'g': ret = lock(file, F_GETLK, F_WRLCK, 0); break;
		case 'b': ret = lock(file, F_SETLK, F_WRLCK, 20); break;
		case 'B': ret = lock(file, F_SETLK, F_UNLCK, 20); break;
		case 'o': ret = other = open("locks.out", O_RDWR); break;
		case 'f': ret = flock(other, LOCK_EX | LOCK_NB) ? -errno : 0; break;
		case 'F': ret = flock(other, LOCK_EX) ? -errno : 0; break;
		case 'O': ret = lock(other, F_OFD_SETLKW, F_WRLCK, 40); break;
		case 'G': ret = lock(other, F_OFD_GETLK, F_WRLCK, 40); break;
		case 's': ret = lock(file, F_OFD_SETLK, F_WRLCK, 40); break; // the description is the parent's, too
		case 'c': ret = close(other); break;
		case 'l': ret = (other = open("locks.lease", O_RDONLY | O_NONBLOCK)) < 0 ? -errno : 0; break;
		case 'L': ret = (other = open("locks.lease", O_RDONLY)) < 0 ? -errno : close(other); break;
		}
		if (write(answer[1], &ret, sizeof ret) != sizeof ret)
			return 1;
	}
	return 0;
}

static void begins(char what) { CHECK(write(ask[1], &what, 1) == 1); }

static long ends(void) {
	long ret;
	CHECK(read(answer[0], &ret, sizeof ret) == sizeof ret);
	return ret;
}

// asks has the child do something at once; waits lets it wait until the parent goes on.
#define ASKS(what) (begins(what), note("child %c: %ld\n", what, ends()))
static void waits(char what) {
	begins(what);
	usleep(8000);
}

#define NOTE(call) note("%s: %ld\n", #call, (long)(call))

static void records(void) {
	NOTE(lock(file, F_SETLK, F_WRLCK, 0));
	ASKS('t');
	ASKS('g');
	waits('w');
	NOTE(lock(file, F_SETLK, F_UNLCK, 0));
	note("child has waited: %ld\n", ends());
	NOTE(lock(file, F_SETLK, F_WRLCK, 5));
	ASKS('u');
	NOTE(lock(file, F_SETLK, F_RDLCK, 0));
	ASKS('r');
	ASKS('u');
	int again = open("locks.out", O_RDONLY);
	CHECK(again >= 0 && close(again) == 0); // and with it all locks of this process
	ASKS('t');
	ASKS('u');
	NOTE(lock(file, F_SETLK, F_WRLCK, 0));
	ASKS('b');
	waits('W');
	// The second to wait is told, which is the child if it was stopped meanwhile.
	long told = lock(file, F_SETLKW, F_WRLCK, 20) == -EDEADLK;
	NOTE(lock(file, F_SETLK, F_UNLCK, 0));
	told += ends() == -EDEADLK;
	note("told of the deadlock: %ld\n", told);
	NOTE(lock(file, F_SETLK, F_UNLCK, 20));
	ASKS('B');
	ASKS('u');
}

static void whole(void) {
	CHECK((begins('o'), ends()) >= 0);
	NOTE(flock(file, LOCK_EX));
	ASKS('f');
	waits('F');
	NOTE(flock(file, LOCK_UN));
	note("child has waited: %ld\n", ends());
	NOTE(lock(file, F_OFD_SETLK, F_WRLCK, 40));
	ASKS('G');
	ASKS('s');
	waits('O');
	NOTE(lock(file, F_OFD_SETLK, F_UNLCK, 40));
	note("child has waited: %ld\n", ends());
	ASKS('c');
}

// leases are broken by an open of somebody else, who waits until they are given up.
static void leases(void) {
	sigset_t io;
	sigemptyset(&io), sigaddset(&io, SIGIO);
	CHECK(sigprocmask(SIG_BLOCK, &io, NULL) == 0);
	int fd = open("locks.lease", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	NOTE(fcntl(fd, F_SETLEASE, F_WRLCK));
	NOTE(fcntl(fd, F_GETLEASE));
	ASKS('l');
	NOTE(sigtimedwait(&io, NULL, &(struct timespec){20, 0}));
	NOTE(fcntl(fd, F_GETLEASE));
	waits('L');
	NOTE(fcntl(fd, F_SETLEASE, F_UNLCK));
	note("child has waited: %ld\n", ends());
	CHECK(close(fd) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int status;
	CHECK((file = open("locks.out", O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0 && pipe(ask) == 0 && pipe(answer) == 0);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		close(ask[1]);
		_exit(child());
	}
	do {
		records();
		whole();
		leases();
	} while (again());
	CHECK(close(ask[1]) == 0 && waitpid(pid, &status, 0) == pid && status == 0);
	return done("locks");
}
