// A tree of processes, three deep: each has its own memory, sums up what its children
// tell it through a pipe, and waits for them in any order.
#include "guest.h"
#include <sys/wait.h>

static int counter; // of each process alone

static int tree(int depth, uint32_t x) {
	if (depth == 0)
		return 1;
	int pipes[2], sum = 1;
	CHECK(pipe(pipes) == 0);
	for (int i = 0; i < 3; i++) {
		pid_t me = getpid(), c = fork();
		CHECK(c >= 0);
		if (c == 0) {
			CHECK(getppid() == me && getpid() != me);
			counter++;
			close(pipes[0]);
			for (int k = 0; k < 4; k++)
				x = spin(x + i);
			int n = tree(depth - 1, x);
			CHECK(write(pipes[1], &n, sizeof n) == sizeof n);
			_exit(counter);
		}
	}
	close(pipes[1]);
	for (int n; read(pipes[0], &n, sizeof n) == sizeof n;)
		sum += n;
	close(pipes[0]);
	for (int i = 0, status; i < 3; i++) {
		CHECK(wait(&status) > 0);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == counter + 1);
	}
	FAILS(wait(NULL), ECHILD);
	return sum;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	do
		CHECK(tree(3, 1) == 40);
	while (going());
	CHECK(counter == 0);
	return done("trees");
}
