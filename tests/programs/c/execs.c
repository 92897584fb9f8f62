// Becomes itself again and again, then another program, with the same pid.
// exit: 11
#include "guest.h"

int main(int argc, char **argv) {
	char left[16], pid[16];
	int rounds = argc > 2 ? atoi(argv[2]) : 5;
	begin(argc, argv);
	CHECK(argc < 4 || atoi(argv[3]) == getpid());
	uint32_t x = 1;
	for (int i = 0; i < guest_ms / 5; i++)
		x = spin(x);
	printf("%d more\n", rounds);
	fflush(stdout);
	snprintf(left, sizeof left, "%d", rounds - 1);
	snprintf(pid, sizeof pid, "%d", getpid());
	if (rounds > 0)
		execl(argv[0], argv[0], argc > 1 ? argv[1] : "100", left, pid, (char *)NULL);
	else
		execl("/bin/sh", "sh", "-c", "test $$ = $0 && exit 11", pid, (char *)NULL);
	return 1;
}
