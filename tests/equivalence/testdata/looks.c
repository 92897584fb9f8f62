// Two processes look at each other's memory: by what /proc shows of it, and by calls.
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x) do { if (!(x)) { printf("%s: line %d: %s\n", who, __LINE__, #x); fflush(stdout); kill(0, SIGTERM); } } while (0)
enum { megabytes = 8 };

static const char *who = "parent";
static volatile uint64_t secret, told, answer;

static char *slurp(pid_t pid, const char *name, ssize_t *size) {
	static char path[64], text[1 << 20];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	ssize_t n, all = 0;
	while ((n = read(fd, text + all, sizeof text - 1 - all)) > 0)
		all += n;
	CHECK(n == 0 && close(fd) == 0);
	text[all] = 0;
	if (size)
		*size = all;
	return text;
}

static uint64_t peek(pid_t pid, volatile uint64_t *at) {
	uint64_t value = 0;
	struct iovec mine = {&value, 8}, theirs = {(void *)at, 8};
	CHECK(process_vm_readv(pid, &mine, 1, &theirs, 1, 0) == 8);
	return value;
}

static void poke(pid_t pid, volatile uint64_t *at, uint64_t value) {
	struct iovec mine = {&value, 8}, theirs = {(void *)at, 8};
	CHECK(process_vm_writev(pid, &mine, 1, &theirs, 1, 0) == 8);
}

static int child(pid_t parent, int to, char *title) {
	who = "child";
	alarm(60); // should its parent be killed
	char *big = mmap(NULL, megabytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(big, 1, megabytes << 20);
	strcpy(title, "TITLE");
	secret = 4711;
	CHECK(peek(getpid(), &secret) == 4711);
	CHECK(write(to, &big, sizeof big) == sizeof big);
	while (!told)
		;
	CHECK(peek(parent, &secret) == 1234);
	poke(parent, &answer, told + 1);
	return 7;
}

int main(int argc, char **argv) {
	int ends[2], status, fd;
	char *big, line[64];
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	CHECK(argc == 2 && strlen(argv[1]) > 5 && pipe(ends) == 0);
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		_exit(child(parent, ends[1], argv[1]));
	CHECK(pid > 0 && read(ends[0], &big, sizeof big) == sizeof big);
	secret = 1234;
	uint64_t seen = 0;
	ssize_t size;
	CHECK((fd = (snprintf(line, sizeof line, "/proc/%d/mem", pid), open(line, O_RDONLY))) >= 0);
	CHECK(pread(fd, &seen, 8, (off_t)(uintptr_t)&secret) == 8 && seen == 4711 && close(fd) == 0);
	long pages = 0, start, end, found = 0;
	CHECK(sscanf(slurp(pid, "statm", NULL), "%*d %ld", &pages) == 1 && pages >= megabytes << 8);
	for (char *at = slurp(pid, "maps", NULL); at && sscanf(at, "%lx-%lx", &start, &end) == 2; at = strchr(at, '\n') + 1)
		found += start <= (long)big && (long)big + (megabytes << 20) <= end;
	CHECK(found == 1);
	char *text = slurp(pid, "status", NULL);
	CHECK(strstr(text, "\nTracerPid:\t0\n") && strstr(text, "\nState:\tR"));
	text = slurp(pid, "cmdline", &size);
	CHECK(strcmp(text + strlen(text) + 1, "TITLE") == 0);
	CHECK(environ[0] && strcmp(slurp(pid, "environ", NULL), environ[0]) == 0);
	CHECK(peek(pid, &secret) == 4711);
	poke(pid, &told, 41);
	CHECK(waitpid(pid, &status, 0) == pid && status == 7 << 8 && answer == 42);
	strcpy(argv[1], "OTHER");
	text = slurp(getpid(), "cmdline", &size);
	CHECK(strcmp(text + strlen(text) + 1, "OTHER") == 0);
	puts("looks: ok");
	return 0;
}
