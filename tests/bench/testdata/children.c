// children fork N | spawn N: how long N children take one after the other, which end at
// once or start /bin/true; prints nanoseconds.
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
	int rounds = argc > 2 ? atoi(argv[2]) : 1, spawns = argc > 1 && !strcmp(argv[1], "spawn");
	char *line[] = {"true", NULL};
	usleep(300000); // whoever is to move it has done so
	long long begin = now();
	for (int i = 0; i < rounds; i++) {
		pid_t child;
		int status;
		if (spawns && posix_spawn(&child, "/bin/true", NULL, NULL, line, environ) != 0)
			return 1;
		if (!spawns && (child = fork()) == 0)
			_exit(0);
		if (waitpid(child, &status, 0) != child || status != 0)
			return 1;
	}
	printf("%lld\n", now() - begin);
	return 0;
}
