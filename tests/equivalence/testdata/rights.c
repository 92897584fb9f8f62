// Tells whose rights it has; installed setuid.
#include <stdio.h>
#include <unistd.h>

int main(void) {
	printf("real %d effective %d\n", getuid() != 0, geteuid() != 0);
	return 0;
}
