// Built with AddressSanitizer: leaks memory, which the sanitizer finds by tracing.
#include <stdio.h>
#include <stdlib.h>

int main(void) {
	char *volatile kept = malloc(77);
	kept = NULL;
	printf("lost %p\n", (void *)kept);
	return 0;
}
