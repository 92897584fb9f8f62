// Children by fork, vfork and posix_spawn; their status and their output.
#include "guest.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
	begin(argc, argv);
	int status, n = 0;
	do {
		pid_t c = fork();
		CHECK(c >= 0);
		if (c == 0)
			_exit(getppid() > 0 ? 5 : 6);
		CHECK(waitpid(c, &status, 0) == c && WIFEXITED(status) && WEXITSTATUS(status) == 5);
		c = vfork();
		if (c == 0)
			_exit(8);
		CHECK(waitpid(c, &status, 0) == c && WIFEXITED(status) && WEXITSTATUS(status) == 8);
		char *line[] = {"sh", "-c", "kill -TERM $$", NULL};
		CHECK(posix_spawn(&c, "/bin/sh", NULL, NULL, line, environ) == 0);
		CHECK(waitpid(c, &status, 0) == c && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	} while (going() || ++n < 2);
	return done("forks");
}
