# A program with AddressSanitizer: one run without a fault, one with each of some.
cat >s.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static void *work(void *arg) {
	char *all[64] = {0};
	unsigned sum = 0;
	for (int i = 0; i < *(int *)arg; i++) {
		free(all[i & 63]);
		all[i & 63] = malloc(16 + i % 4000);
		memset(all[i & 63], i, 16 + i % 4000);
		sum += all[(i * 7) & 63] ? all[(i * 7) & 63][3] : 0;
	}
	for (int i = 0; i < 64; i++) free(all[i]);
	return (void *)(long)sum;
}
int main(int argc, char **argv) {
	int count = atoi(argv[2]), status;
	pthread_t t[3];
	void *sum;
	for (int i = 0; i < 3; i++) pthread_create(t + i, 0, work, &count);
	for (int i = 0; i < 3; i++) { pthread_join(t[i], &sum); printf("%lu\n", (long)sum); }
	fflush(stdout);
	if (fork() == 0) { work(&count); _exit(7); }
	wait(&status);
	printf("%d\n", WEXITSTATUS(status));
	fflush(stdout);
	char *volatile p = malloc(10), on_stack[10];
	volatile int n = 10;
	switch (argv[1][0]) {
	case 'o': p[n]++; break;
	case 's': on_stack[n]++; break;
	case 'f': free(p); return p[2];
	case 'l': p = 0; return 0;
	case 'd': free(p); break;
	}
	free(p);
	return 0;
}
END
gcc -fsanitize=address -g -O1 -w -o s s.c -pthread || exit
for fault in none overflow stack freed leak double; do
	./s $fault "$1" 2>err; echo "$fault $?"
	grep -e 'SUMMARY' -e 'ERROR: ' -e 'of size' err | sed 's/==[0-9]*==//; s/0x[0-9a-f]*/ADDR/g; s/pc ADDR.*//; s/ on address.*//; s/s.c:[0-9]*//; s| /[^ ]*||g'
done
gcc -fsanitize=undefined -o s -x c - <<'END'
#include <stdlib.h>
int main(int argc, char **argv) { int x = 0x7fffffff; x += argc; return x < 0; }
END
./s 2>&1 | sed 's/.*runtime error/runtime error/'
rm -f s s.c err
