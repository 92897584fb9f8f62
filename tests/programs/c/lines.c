// Reads a terminal line by line and answers each line.
// stdin: tty
// exit: 4
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	char line[256];
	setvbuf(stdout, NULL, _IOLBF, 0);
	CHECK(isatty(0) && isatty(1));
	for (int n = 1; fgets(line, sizeof line, stdin); n++) {
		line[strcspn(line, "\n")] = 0;
		printf("%d: %s\n", n, line);
	}
	CHECK(feof(stdin));
	printf("end\n");
	return 4;
}
