// What /proc/self tells: name, numbers, program, descriptors, memory map, own bytes.
#include "guest.h"
#include <limits.h>
#include <sys/prctl.h>

static char *slurp(const char *path) {
	static char buf[1 << 20];
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	ssize_t n, all = 0;
	while ((n = read(fd, buf + all, sizeof buf - 1 - all)) > 0)
		all += n;
	CHECK(n == 0 && close(fd) == 0);
	buf[all] = 0;
	return buf;
}

static int number(const char *text, const char *key) {
	const char *at = strstr(text, key);
	CHECK(at);
	return atoi(at + strlen(key));
}

int main(int argc, char **argv) {
	begin(argc, argv);
	char exe[PATH_MAX], want[PATH_MAX], path[64], link[64];
	do {
		char *status = slurp("/proc/self/status");
		CHECK(number(status, "\nPid:\t") == getpid() && number(status, "\nPPid:\t") == getppid());
		CHECK(number(status, "\nUid:\t") == (int)getuid());
		CHECK(strncmp(status, "Name:\tself", 10) == 0);
		CHECK(prctl(PR_SET_NAME, "renamed") == 0 && strcmp(slurp("/proc/self/comm"), "renamed\n") == 0);
		CHECK(prctl(PR_SET_NAME, "self.x") == 0);
		ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
		CHECK(n > 0 && realpath(argv[0], want));
		exe[n] = 0;
		CHECK(strcmp(exe, want) == 0);
		n = readlink("/proc/self", link, sizeof link);
		CHECK(n > 0 && strtol(link, NULL, 10) == getpid());
		snprintf(path, sizeof path, "/proc/%d/cmdline", getpid());
		CHECK(strcmp(slurp(path), argv[0]) == 0);
		char line[PATH_MAX + 100];
		char *maps = slurp("/proc/self/maps");
		snprintf(line, sizeof line, "%s\n", want);
		CHECK(strstr(maps, line) && strstr(maps, "[stack]"));
		int fd = open("/proc/self/mem", O_RDONLY), value = 4711, back = 0;
		CHECK(fd >= 0 && pread(fd, &back, sizeof back, (off_t)(uintptr_t)&value) == sizeof back && back == 4711 && close(fd) == 0);
	} while (going());
	return done("self");
}
