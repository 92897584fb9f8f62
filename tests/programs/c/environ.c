// Arguments and environment, as given and as changed.
// build: dynamic static musl
// exit: 2
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	do {
		CHECK(setenv("GUEST_CHANGED", "later", 1) == 0 && strcmp(getenv("GUEST_CHANGED"), "later") == 0);
		CHECK(unsetenv("GUEST_CHANGED") == 0 && !getenv("GUEST_CHANGED"));
	} while (going());
	for (int i = 2; i < argc; i++)
		printf("arg %s\n", argv[i]);
	printf("HOME set %d, TZ %s, LANG %s\n", getenv("HOME") != NULL, getenv("TZ"), getenv("LANG"));
	return argc;
}
