// A child in its parent's memory (vfork, posix_spawn): what it writes there is seen, also
// why a program could not be started, and the parent stands still until it has started.
#include "guest.h"
#include <sched.h>
#include <sys/stat.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

static int spawn_fails(const char *path) {
	pid_t c;
	char *line[] = {"x", NULL};
	return posix_spawn(&c, path, NULL, NULL, line, environ);
}

// output reads what a program prints that is spawned with actions on descriptors.
static void output(const char *want) {
	int pipes[2], status;
	pid_t c;
	char got[64] = "", *line[] = {"sh", "-c", "echo $0 $X", "seen", NULL}, *env[] = {"X=env", NULL};
	posix_spawn_file_actions_t acts;
	CHECK(pipe(pipes) == 0);
	posix_spawn_file_actions_init(&acts);
	posix_spawn_file_actions_adddup2(&acts, pipes[1], 1);
	posix_spawn_file_actions_addclose(&acts, pipes[0]);
	CHECK(posix_spawnp(&c, "sh", &acts, NULL, line, env) == 0);
	posix_spawn_file_actions_destroy(&acts);
	close(pipes[1]);
	ssize_t n = read(pipes[0], got, sizeof got - 1);
	CHECK(n > 0 && strcmp(got, want) == 0);
	close(pipes[0]);
	CHECK(waitpid(c, &status, 0) == c && status == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	int status;
	volatile int written = 0;
	const char script[] = "spawns.script";
	int fd = open(script, O_CREAT | O_EXCL | O_WRONLY, 0700);
	CHECK(fd >= 0 && write(fd, "no program", 10) == 10 && fchmod(fd, 0700) == 0);
	close(fd);
	uint32_t x = 1;
	do {
		written = 0;
		pid_t c = vfork();
		if (c == 0) {
			x = spin(x);
			written = 7;
			execl("/does/not/exist", "x", (char *)NULL);
			written += errno;
			_exit(9);
		}
		CHECK(written == 7 + ENOENT);
		CHECK(waitpid(c, &status, 0) == c && WEXITSTATUS(status) == 9);
		CHECK(spawn_fails("/does/not/exist") == ENOENT);
		CHECK(spawn_fails("/") == EACCES);
		CHECK(spawn_fails(script) == ENOEXEC);
		output("seen env\n");
		CHECK(system("exit 13") == 13 << 8);
		FAILS(wait(NULL), ECHILD);
		x = spin(x);
	} while (going());
	unlink(script);
	return done("spawns");
}
